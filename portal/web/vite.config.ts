import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Aladin Lite has its program as text within its script. As a file of its own it is a third smaller, and
 * the page needs no leave to read from data: addresses. */
function wasmAsFile(): Plugin {
  return {
    name: "wasm-as-file",
    apply: "build",
    transform(code, id) {
      if (!/aladin-lite\/dist\/aladin\.js$/.test(id)) return null;
      const [whole, content] = /"data:application\/wasm;base64,([^"]+)"/.exec(code) ?? [];
      if (!whole || !content) this.error("Aladin Lite has its program no more where it was.");
      const source = Buffer.from(content, "base64");
      const file = this.emitFile({ type: "asset", name: "aladin.wasm", source });
      return { code: code.replace(whole, () => `import.meta.ROLLUP_FILE_URL_${file}`), map: null };
    },
  };
}

// The server serves what is built here below its own root, /explorer behind the instance's proxy.
export default defineConfig({
  base: "/explorer/",
  plugins: [react(), wasmAsFile()],
  build: { outDir: "dist", emptyOutDir: true, sourcemap: false, chunkSizeWarningLimit: 5000 },
});
