declare module "virtual:basemap" {
  export const land: string;
  export const lines: string;
  export const labels: string;
}

declare module "maplibre-gl/dist/maplibre-gl-csp" {
  export * from "maplibre-gl";

  import maplibre from "maplibre-gl";
  export default maplibre;
}
