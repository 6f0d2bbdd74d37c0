// What belongs to the open data set: files with their sizes, pictures, faults in words.
import { useState } from "react";
import type { Schemas } from "../api/client";
import { Failed, Loading } from "../shell/status";
import { formatSize } from "./format";
import { useLinks } from "./questions";
import { messageFor, send } from "./samp";

type Link = Schemas["Link"];
type Group = Schemas["LinkGroup"];

const FAULTS: [RegExp, string][] = [
  [/^authentication/i, "Only for people who are logged in and have the right to it."],
  [/^authorization/i, "Withheld: you do not have the right to it."],
  [/^notfound/i, "Not found."],
  [/^usage/i, "The request was not understood."],
  [/^transient/i, "Not available just now; try again later."],
  [/^(fatal|default)/i, "The service failed."],
];

/** What an error message of DataLink means, and what the service adds to it. */
export function faultWords(message: string): string {
  const [, kind = "", rest = ""] = /^(\w*Fault)\s*:?\s*(.*)$/s.exec(message.trim()) ?? [];
  const words = FAULTS.find(([sign]) => sign.test(kind))?.[1];
  return words ? `${words} ${rest}`.trim() : message;
}

/** Whether a link is a picture that the page can show. */
export function isPicture(link: Link): boolean {
  return (
    link.access_url !== null &&
    link.service_def === null &&
    /^#(preview|thumbnail)/.test(link.semantics) &&
    /^image\/(png|jpe?g|gif|webp|svg)/i.test(link.content_type ?? "")
  );
}

/** A button that copies, and says that it did. */
export function Copy({ text, label }: { text: string; label: string }) {
  const [said, setSaid] = useState<string | null>(null);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setSaid("Copied");
    } catch {
      setSaid("The browser does not allow it");
    }
    setTimeout(() => setSaid(null), 2500);
  };
  return (
    <button
      type="button"
      className="btn btn-sm btn-outline-secondary py-0"
      aria-label={said ? undefined : label}
      onClick={copy}
    >
      <span aria-live="polite">{said ?? "Copy URL"}</span>
    </button>
  );
}

/** A button that sends a file to other programs, and says to which. */
function Send({ link, name }: { link: Link; name: string }) {
  const [said, setSaid] = useState<string | null>(null);
  const message = link.access_url && messageFor(link.access_url, link.content_type, name);
  if (!message) return null;
  const press = async () => {
    setSaid("Asking the hub");
    try {
      setSaid(`Sent to ${(await send(message)).join(", ")}`);
    } catch (error) {
      setSaid((error as Error).message);
    }
  };
  return (
    <>
      <button
        type="button"
        className="btn btn-sm btn-outline-secondary py-0"
        aria-label={`Send to other programs: ${name}`}
        onClick={press}
      >
        Send (SAMP)
      </button>
      {said && (
        <span role="status" className="small">
          {said}
        </span>
      )}
    </>
  );
}

function Picture({ link }: { link: Link }) {
  const [failed, setFailed] = useState(false);
  const words = link.description ?? "Preview";
  const url = link.access_url ?? "";
  return (
    <figure className="figure results-picture">
      <a href={url} target="_blank" rel="noreferrer">
        {failed ? (
          "Open the picture (it cannot be shown here)"
        ) : (
          <img
            src={url}
            alt={words}
            loading="lazy"
            className="figure-img img-fluid"
            onError={() => setFailed(true)}
          />
        )}
      </a>
      <figcaption className="figure-caption">{words}</figcaption>
    </figure>
  );
}

function File({ link }: { link: Link }) {
  const words = link.description ?? link.content_qualifier ?? link.semantics;
  const about = [
    link.content_qualifier,
    link.content_type,
    link.content_length !== null && link.content_length >= 0
      ? formatSize(link.content_length)
      : null,
  ].filter(Boolean);
  return (
    <li className="mb-2">
      {link.error !== null ? (
        <>
          {words !== link.semantics && <span>{words}</span>}
          <div className="results-fault">{faultWords(link.error)}</div>
        </>
      ) : link.access_url === null || link.service_def !== null ? (
        <span>{words}: a service with parameters; programs find it in the document.</span>
      ) : (
        <a href={link.access_url} target="_blank" rel="noreferrer">
          {words}
        </a>
      )}
      <div className="d-flex flex-wrap gap-2 align-items-center small text-body-secondary">
        {about.length > 0 && <span>{about.join(" \u00b7 ")}</span>}
        {link.access_url && !link.service_def && (
          <Copy text={link.access_url} label={`Copy URL: ${words}`} />
        )}
        {!link.service_def && <Send link={link} name={words} />}
      </div>
    </li>
  );
}

function Links({ group }: { group: Group }) {
  const pictures = group.links.filter(isPicture);
  const files = group.links.filter((link) => !isPicture(link));
  // A small picture is the large one over again.
  const shown = pictures.filter(
    ({ semantics }) => semantics !== "#thumbnail" || pictures.length === 1,
  );
  return (
    <section className="mb-3">
      <h3 className="h6 mb-1">
        {group.label} <span className="fw-normal text-body-secondary small">{group.semantics}</span>
      </h3>
      {shown.length > 0 && (
        <div className="results-pictures">
          {shown.map((link) => (
            <Picture key={link.access_url} link={link} />
          ))}
        </div>
      )}
      {files.length > 0 && (
        <ul className="list-unstyled mb-0">
          {files.map((link, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: a document may have the same link twice.
            <File key={at} link={link} />
          ))}
        </ul>
      )}
    </section>
  );
}

/** The panel of links of a data set. */
export function LinksPanel({
  service,
  did,
  onClose,
}: {
  service: string;
  did: string;
  onClose: () => void;
}) {
  const links = useLinks(service, did);
  return (
    <aside className="card results-links" aria-label="Links of the open data set">
      <div className="card-header d-flex align-items-start gap-2">
        <div className="flex-grow-1">
          <h2 className="h6 mb-0">Links</h2>
          <code className="small text-break results-did">{did}</code>
        </div>
        <button
          type="button"
          className="btn-close"
          aria-label="Close the links"
          onClick={onClose}
        />
      </div>
      <div className="card-body">
        {links.isPending && <Loading what="Asking for the links" />}
        {links.error && (
          <Failed
            what="The links could not be had"
            error={links.error}
            onRetry={() => links.refetch()}
          />
        )}
        {links.data?.groups.map((group) => (
          <Links key={group.semantics} group={group} />
        ))}
        {links.data?.groups.length === 0 && <p>The service has no links for this data set.</p>}
        {links.data && (
          <p className="small mb-0 d-flex flex-wrap gap-2">
            <a href={links.data.document_url} target="_blank" rel="noreferrer">
              The document (DataLink)
            </a>
            <Copy text={links.data.document_url} label="Copy URL of the document" />
          </p>
        )}
      </div>
    </aside>
  );
}
