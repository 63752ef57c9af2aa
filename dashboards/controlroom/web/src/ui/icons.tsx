/** Small line icons, drawn here so that nothing is fetched. */
import type { ComponentChildren } from "preact";
import type { Severity } from "../types";

function Icon({ children }: { children: ComponentChildren }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 20 20"
      width="18"
      height="18"
      fill="none"
      stroke="currentColor"
      stroke-width="1.6"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const MarkIcon = () => (
  <svg class="mark" viewBox="0 0 32 32" width="26" height="26" fill="none" aria-hidden="true">
    <path
      d="M16 3.500l10.500 4v8c0 6.500-4.300 10.700-10.500 13-6.200-2.300-10.500-6.500-10.500-13v-8z"
      stroke="currentColor"
      stroke-width="2.200"
      stroke-linejoin="round"
    />
    <path
      d="M10.500 19.500l4-5 3.500 3 4.200-5.700"
      stroke="var(--text)"
      stroke-width="2.200"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
  </svg>
);
export const SearchIcon = () => (
  <Icon>
    <circle cx="9" cy="9" r="5.2" />
    <path d="M13 13l4 4" />
  </Icon>
);
export const SunIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="3.2" />
    <path d="M10 2.500v1.800M10 15.700v1.800M2.500 10h1.800M15.700 10h1.800M4.700 4.700l1.300 1.300M14 14l1.300 1.300M4.700 15.300L6 14M14 6l1.300-1.300" />
  </Icon>
);
export const MoonIcon = () => (
  <Icon>
    <path d="M16 12.200A6.600 6.600 0 0 1 7.800 4a6.600 6.600 0 1 0 8.200 8.200z" />
  </Icon>
);
export const HelpIcon = () => (
  <Icon>
    <circle cx="10" cy="10" r="7.200" />
    <path d="M8 8a2 2 0 1 1 2.800 1.900c-.6.300-.8.700-.8 1.300M10 13.800v.1" />
  </Icon>
);
export const PersonIcon = () => (
  <Icon>
    <circle cx="10" cy="7" r="3" />
    <path d="M4 16.500c.8-3 3-4.500 6-4.500s5.200 1.500 6 4.500" />
  </Icon>
);
export const CloseIcon = () => (
  <Icon>
    <path d="M5 5l10 10M15 5L5 15" />
  </Icon>
);
export const PlusIcon = () => (
  <Icon>
    <path d="M10 4.500v11M4.500 10h11" />
  </Icon>
);
export const MinusIcon = () => (
  <Icon>
    <path d="M4.500 10h11" />
  </Icon>
);
export const FitIcon = () => (
  <Icon>
    <path d="M3.500 7V3.500H7M13 3.500h3.500V7M16.500 13v3.500H13M7 16.500H3.500V13" />
  </Icon>
);
export const ClockIcon = () => (
  <svg
    class="icon small"
    viewBox="0 0 20 20"
    width="12"
    height="12"
    fill="none"
    stroke="currentColor"
    stroke-width="2.200"
    aria-hidden="true"
  >
    <circle cx="10" cy="10" r="7.500" />
    <path d="M10 5.500V10l3 2" stroke-linecap="round" />
  </svg>
);

/** A shape for each severity, so that it can be told without colour. */
export function SeverityIcon({ severity }: { severity: Severity }) {
  const shapes: Record<Severity, ComponentChildren> = {
    critical: <path d="M8 .8L15.200 8 8 15.200.8 8z" />,
    high: <path d="M8 1.500l7 12.500H1z" />,
    medium: <path d="M2 2h12v12H2z" />,
    low: <circle cx="8" cy="8" r="6" />,
    info: <circle cx="8" cy="8" r="3.500" />,
  };
  return (
    <svg
      class="severity-icon"
      viewBox="0 0 16 16"
      width="12"
      height="12"
      fill="currentColor"
      aria-hidden="true"
    >
      {shapes[severity]}
    </svg>
  );
}
