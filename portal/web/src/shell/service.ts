// Which service is asked: the address bar says it.
import { useLocation, useNavigate } from "react-router";
import type { Schemas } from "../api/client";
import { useConfig } from "../api/queries";

/** Parameters that belong to the rows of one service only. */
const OF_ROWS = ["sort", "offset", "columns", "selected", "open", "map"];

/** The same question to another service: what belongs to rows or tables of the first one goes. */
export function paramsFor(service: string, search: string): URLSearchParams {
  const params = new URLSearchParams(search);
  params.set("service", service);
  for (const name of OF_ROWS) params.delete(name);
  const asked = params.get("search");
  if (asked !== null) {
    try {
      params.set("search", JSON.stringify({ ...JSON.parse(asked), table: null }));
    } catch {
      // A damaged search stays as it is: the page says so.
    }
  }
  return params;
}

export interface ServiceChoice {
  service: string;
  info: Schemas["ServiceInfo"] | null;
  services: Schemas["ServiceInfo"][];
  choose(service: string): void;
}

/** The service of the address, or the default one. */
export function useService(): ServiceChoice {
  const config = useConfig();
  const location = useLocation();
  const navigate = useNavigate();
  const services = config.data?.services ?? [];
  const service =
    new URLSearchParams(location.search).get("service") ?? config.data?.default_service ?? "";
  return {
    service,
    services,
    info: services.find(({ key }) => key === service) ?? null,
    choose: (key) => {
      void navigate({ pathname: location.pathname, search: `?${paramsFor(key, location.search)}` });
    },
  };
}
