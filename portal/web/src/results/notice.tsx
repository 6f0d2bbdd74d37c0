// A sentence that people should not miss.
import type { ReactNode } from "react";

/** A warning, not to be closed: it holds as long as it is true. */
export function Warning({ children }: { children: ReactNode }) {
  return (
    <div className="alert alert-warning py-2 my-2" role="note">
      {children}
    </div>
  );
}
