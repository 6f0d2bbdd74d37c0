import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// The server serves what is built here below its own root, /explorer behind the instance's proxy.
export default defineConfig({
  base: "/explorer/",
  plugins: [react()],
  build: { outDir: "dist", emptyOutDir: true, sourcemap: false, chunkSizeWarningLimit: 5000 },
});
