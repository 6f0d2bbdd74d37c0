// The zero point of mission elapsed times.
import { useId } from "react";
import { HESS_EPOCH, type TimeForm } from "./form";

interface EpochProps {
  time: TimeForm;
  change: (part: Partial<TimeForm>) => void;
}

type Keywords = TimeForm["epoch"];

const KNOWN: readonly (readonly [string, Keywords])[] = [
  ["2001-01-01 UTC (H.E.S.S., Fermi)", HESS_EPOCH],
  ["J2000.0 (2000-01-01T12:00 TT)", { day: "51544", fraction: "0.5" }],
];

function same(a: Keywords, b: Keywords): boolean {
  return a.day.trim() === b.day && Math.abs(Number(a.fraction) - Number(b.fraction)) < 1e-11;
}

export function Epoch({ time, change }: EpochProps) {
  const id = useId();
  const known = KNOWN.findIndex(([, keywords]) => same(time.epoch, keywords));
  const set = (part: Partial<Keywords>) => change({ epoch: { ...time.epoch, ...part } });
  return (
    <fieldset className="row g-2 mt-0">
      <legend className="visually-hidden">Epoch of the mission elapsed time</legend>
      <div className="col-12 col-md-6">
        <label htmlFor={id} className="form-label small mb-0">
          Epoch of the mission elapsed time
        </label>
        <select
          id={id}
          className="form-select form-select-sm"
          value={known}
          onChange={(event) => {
            const chosen = KNOWN[Number(event.target.value)];
            if (chosen) set(chosen[1]);
          }}
        >
          {known < 0 && <option value={-1}>as typed here</option>}
          {KNOWN.map(([label], index) => (
            <option key={label} value={index}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <label className="col-5 col-md-2 small">
        MJDREFI
        <input
          className="form-control form-control-sm font-monospace"
          inputMode="numeric"
          value={time.epoch.day}
          onChange={(event) => set({ day: event.target.value })}
        />
      </label>
      <label className="col-7 col-md-4 small">
        MJDREFF (TT)
        <input
          className="form-control form-control-sm font-monospace"
          inputMode="decimal"
          value={time.epoch.fraction}
          onChange={(event) => set({ fraction: event.target.value })}
        />
      </label>
    </fieldset>
  );
}
