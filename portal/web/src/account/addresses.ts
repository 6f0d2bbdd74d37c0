// Addresses that the server told, made safe to follow: they have to be paths on this server.
import { ROOT } from "../api/client";

/** A path within the pages (without the root that all addresses begin with); null if it is none. */
export function pagePath(address: string | null | undefined): string | null {
  if (!address?.startsWith("/") || address.startsWith("//") || address.includes("\\")) return null;
  if (ROOT !== "" && (address === ROOT || address.startsWith(`${ROOT}/`)))
    return address.slice(ROOT.length) || "/";
  return address;
}

/** The address of a file on this server, whether or not the root stands in it; null if it is elsewhere. */
export function filePath(address: string | null | undefined): string | null {
  const path = pagePath(address);
  return path === null ? null : ROOT + path;
}
