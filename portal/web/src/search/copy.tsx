import { useState } from "react";

/** A button that copies a text, and says whether it did. */
export function Copy({ text, what }: { text: string; what: string }) {
  const [said, setSaid] = useState("");
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      // Browsers give no clipboard to pages without https.
      setSaid("The browser does not allow it; mark the text and copy it by hand");
    }
    setTimeout(() => setSaid(""), 4000);
  };
  return (
    <>
      <button
        type="button"
        className="btn btn-sm btn-outline-secondary"
        onClick={() => void copy()}
      >
        Copy <span className="visually-hidden">{what}</span>
      </button>
      <span role="status" className="small">
        {said}
      </span>
    </>
  );
}
