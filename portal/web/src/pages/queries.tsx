export default function QueriesPage() {
  return <h1>Queries</h1>;
}
