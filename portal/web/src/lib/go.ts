/** Go on with another page: all that this one remembers is gone then. */
export function go(address: string): void {
  window.location.assign(address);
}
