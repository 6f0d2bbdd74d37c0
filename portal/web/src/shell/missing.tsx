import { Link } from "react-router";

/** What is shown at an address that no page has. */
export function Missing() {
  return (
    <>
      <h1>There is no such page</h1>
      <p>
        The address may be mistyped. <Link to="/search">Search for data</Link>
      </p>
    </>
  );
}
