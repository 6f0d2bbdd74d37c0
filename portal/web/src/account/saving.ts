// Giving people a file that the page has, and a stream that it gets.

/** Offer a blob as a file. */
export function saveBlob(blob: Blob, name: string): void {
  const address = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  // The browser needs the address until it has begun to read.
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

interface Picker {
  showSaveFilePicker(options: { suggestedName: string }): Promise<FileSystemFileHandle>;
}

/** Where a stream goes: a file that people choose, where the browser can do that; else memory. */
export interface Sink {
  write(chunk: Uint8Array<ArrayBuffer>): Promise<void>;
  finish(): Promise<void>;
  abort(): Promise<void>;
  /** Whether all of it has to fit into memory. */
  inMemory: boolean;
}

/** Open a place for a file. Has to be called at once when people press a button. Null if they thought better of it. */
export async function openSink(name: string): Promise<Sink | null> {
  if ("showSaveFilePicker" in window) {
    try {
      const handle = await (window as unknown as Picker).showSaveFilePicker({
        suggestedName: name,
      });
      const file = await handle.createWritable();
      return {
        write: (chunk) => file.write(chunk),
        finish: () => file.close(),
        abort: () => file.abort(),
        inMemory: false,
      };
    } catch (error) {
      if (error instanceof DOMException && error.name === "AbortError") return null;
      // A browser that has the function but forbids it here: memory will do.
    }
  }
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  return {
    write: async (chunk) => {
      chunks.push(chunk);
    },
    finish: async () => saveBlob(new Blob(chunks), name),
    abort: async () => {
      chunks.length = 0;
    },
    inMemory: true,
  };
}
