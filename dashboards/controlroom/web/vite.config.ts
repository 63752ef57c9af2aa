import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";
import { buildBasemap } from "./basemap.ts";

/** Serves the base map as three GeoJSON files with hashed names; `virtual:basemap` exports their addresses. */
function basemap(): Plugin {
  const id = "\0virtual:basemap";
  const parts = ["land", "lines", "labels"] as const;
  let serving = false;
  return {
    name: "sealtrail-basemap",
    configResolved(config) {
      serving = config.command === "serve";
    },
    resolveId: (source) => (source === "virtual:basemap" ? id : null),
    load(source) {
      if (source !== id) return null;
      if (serving) return parts.map((part) => `export const ${part} = "/basemap/${part}.json";`).join("\n");
      const built = buildBasemap();
      return parts
        .map((part) => {
          const reference = this.emitFile({
            type: "asset",
            name: `basemap-${part}.json`,
            source: JSON.stringify(built[part]),
          });
          return `export const ${part} = import.meta.ROLLUP_FILE_URL_${reference};`;
        })
        .join("\n");
    },
    configureServer(server) {
      const built = buildBasemap();
      for (const part of parts) {
        server.middlewares.use(`/basemap/${part}.json`, (_request, response) => {
          response.setHeader("Content-Type", "application/json");
          response.end(JSON.stringify(built[part]));
        });
      }
    },
  };
}

export default defineConfig({
  plugins: [basemap()],
  build: {
    outDir: "../static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy allows no inlined scripts or fonts
    chunkSizeWarningLimit: 1200,
  },
  server: { proxy: { "/api": "http://127.0.0.1:8080" } },
  test: { include: ["tests/**/*.test.ts"], environment: "node" },
});
