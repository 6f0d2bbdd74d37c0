import { useMemo } from "react";
import { useCapabilities } from "../api/queries";
import { pageToParams } from "../search/address";
import { buildSearch } from "../search/build";
import { useAddress, usePageState } from "../search/page-state";
import { SearchForm } from "../search/search-form";
import { useService } from "../shell/service";
import { Failed, Loading } from "../shell/status";

export default function SearchPage() {
  const { service } = useService();
  const state = usePageState();
  const { page, written } = state;
  const capabilities = useCapabilities(service, page.form.table);
  const fields = capabilities.data?.fields;
  const built = useMemo(() => buildSearch(page.form, fields), [page.form, fields]);
  const address = useMemo(
    () => `?${pageToParams(service, page, built.search, fields)}`,
    [service, page, built.search, fields],
  );
  useAddress(address, written);
  return (
    <>
      <h1 className="h4">Search</h1>
      {state.damage && <Failed error={state.damage} />}
      {capabilities.isPending && <Loading what="Asking the service what it can do" />}
      {capabilities.error && (
        <Failed
          error={capabilities.error}
          what="What can be searched is not known"
          onRetry={() => void capabilities.refetch()}
        >
          {page.form.table !== null && (
            <button
              type="button"
              className="btn btn-sm btn-danger ms-2"
              onClick={() => state.change(() => ({ table: null }))}
            >
              Take the usual table
            </button>
          )}
        </Failed>
      )}
      {capabilities.data?.notice && (
        <div className="alert alert-warning py-2" role="status">
          {capabilities.data.notice} The form can be filled in, but nothing can be searched until it
          does.
          <button
            type="button"
            className="btn btn-sm btn-outline-dark ms-2"
            disabled={capabilities.isFetching}
            onClick={() => void capabilities.refetch()}
          >
            Ask again
          </button>
        </div>
      )}
      {capabilities.data && (
        <SearchForm
          service={service}
          capabilities={capabilities.data}
          state={state}
          built={built}
        />
      )}
    </>
  );
}
