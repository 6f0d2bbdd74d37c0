// The basket of those who are not logged in.
import { useState } from "react";
import { LoginLink } from "../account/login";
import { UndoBar } from "../account/parts";
import { useLocalBasket } from "./basket";
import { EmptyBasket, removedInWords } from "./detail";
import { BundleButtons } from "./download";
import { ItemsTable, keysOf } from "./items";
import { addLocal, noteLocal, removeLocal } from "./local";
import { ScriptBox } from "./script";
import type { Item } from "./stored";

export function BrowserBasket() {
  const { items } = useLocalBasket();
  const [removed, setRemoved] = useState<Item[]>([]);
  const undo = () => {
    addLocal(removed);
    setRemoved([]);
  };
  return (
    <section aria-label="Basket in this browser">
      <div className="alert alert-info">
        This basket is kept in this browser. Log in to have it everywhere, to share it and to run
        preview jobs on it: what is in it goes with you.
        <div>
          <LoginLink />
        </div>
      </div>
      <UndoBar text={removedInWords(removed)} undo={undo} dismiss={() => setRemoved([])} />
      {items.length === 0 ? (
        <EmptyBasket />
      ) : (
        <>
          <div className="mb-3">
            <BundleButtons items={items} />
          </div>
          <ItemsTable
            items={items}
            onRemove={(gone) => {
              removeLocal(keysOf(gone));
              setRemoved(gone);
            }}
            onNote={(item, note) => noteLocal([item.service, item.did], note)}
          />
          <ScriptBox basket={null} items={items} />
        </>
      )}
    </section>
  );
}
