export default function BasketPage() {
  return <h1>Basket</h1>;
}
