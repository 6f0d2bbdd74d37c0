// What is kept about a user, how to get it, and how to delete it.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { client, data, ROOT } from "../api/client";
import { useAction } from "./action";
import { counted } from "./format";
import { ConfirmButton, Failure } from "./parts";

interface Kind {
  key: string;
  noun: string;
  nouns: string;
  /** Ids of all there are. */
  list: () => Promise<string[]>;
  remove: (id: string) => Promise<unknown>;
}

const at = (id: string) => ({ params: { path: { id } } });
const ids = (things: { id: string }[]) => things.map((thing) => thing.id);

const KINDS: Kind[] = [
  {
    key: "queries",
    noun: "query",
    nouns: "queries",
    list: async () => ids(await data(client.GET("/api/queries"))),
    remove: (id) => data(client.DELETE("/api/queries/{id}", at(id))),
  },
  {
    key: "baskets",
    noun: "basket",
    nouns: "baskets",
    list: async () => ids(await data(client.GET("/api/baskets"))),
    remove: (id) => data(client.DELETE("/api/baskets/{id}", at(id))),
  },
  {
    key: "jobs",
    noun: "job",
    nouns: "preview jobs with their results",
    list: async () => ids(await data(client.GET("/api/jobs"))),
    remove: (id) => data(client.DELETE("/api/jobs/{id}", at(id))),
  },
];

function DeleteAll(props: { kind: Kind }) {
  const { kind } = props;
  const queries = useQueryClient();
  const action = useAction();
  const [said, setSaid] = useState("");
  const remove = () =>
    action.run(async () => {
      setSaid("");
      const all = await kind.list();
      let done = 0;
      try {
        for (const id of all) {
          await kind.remove(id);
          done += 1;
          setSaid(`${counted(done, kind.noun, kind.key)} of ${all.length} deleted.`);
        }
      } finally {
        // The list only: what was deleted, even if another part of the page shows it, is not asked for.
        void queries.invalidateQueries({ queryKey: [kind.key], exact: true });
      }
      setSaid(
        all.length === 0 ? "There were none." : `${counted(done, kind.noun, kind.key)} deleted.`,
      );
    });
  return (
    <li className="mb-2">
      <Failure error={action.error} doing={`Delete ${kind.key}`} retry={remove} />
      <ConfirmButton
        label={`Delete all my ${kind.key}`}
        question={`Delete all your ${kind.nouns}? They cannot be brought back.`}
        confirm={`Delete all ${kind.key}`}
        busy={action.busy}
        onConfirm={remove}
      />
      <span role="status" className="small ms-2">
        {said}
      </span>
    </li>
  );
}

export function DataAboutMe() {
  return (
    <section aria-labelledby="data-about-me">
      <h2 id="data-about-me" className="h5">
        What is kept about you
      </h2>
      <p>
        Name, e-mail address and groups as your provider tells them; the queries, baskets and
        preview jobs that you make here. No passwords: those stay with your provider.
      </p>
      <p>
        <a className="btn btn-sm btn-outline-primary" href={`${ROOT}/api/queries/export`} download>
          Export my queries
        </a>
      </p>
      <ul className="list-unstyled">
        {KINDS.map((kind) => (
          <DeleteAll key={kind.key} kind={kind} />
        ))}
      </ul>
    </section>
  );
}
