import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

// The application serves index.html at / and everything else below /pages/.
export default defineConfig({
  root: fileURLToPath(new URL(".", import.meta.url)),
  base: "/pages/",
  logLevel: "warn",
  build: {
    outDir: fileURLToPath(new URL("../../src/truckstream/web/pages", import.meta.url)),
    emptyOutDir: true,
    target: "es2022",
    chunkSizeWarningLimit: 1500,
    assetsInlineLimit: 0, // the content security policy allows no data: scripts or styles
  },
  server: { proxy: { "/api": process.env.TRUCKSTREAM_URL ?? "http://127.0.0.1:8080" } },
});
