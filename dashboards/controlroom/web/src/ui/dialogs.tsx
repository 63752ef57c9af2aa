/** Dialogs: help, the viewer's name, and a decision with its reason. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Controller } from "../controller";
import { containerNumber } from "../format";
import { KEYS } from "../keyboard";
import { useStore } from "../state/store";
import type { Decision } from "../types";

const TITLES: Record<Decision, string> = {
  acknowledge: "Acknowledge",
  resolve: "Resolve",
  retract: "Retract",
  reopen: "Reopen",
};

const HINTS: Record<Decision, string> = {
  acknowledge: "You take this alert on. Your name goes into its history.",
  resolve: "Say what was found and done. The reason goes into the history.",
  retract: "Only for an alert that was wrong. Everyone who was told is told again.",
  reopen: "Say why it needs attention again.",
};

export function Dialogs({ controller }: { controller: Controller }) {
  const dialog = useStore(controller.store, (state) => state.dialog);
  if (dialog === null) return null;
  if (dialog.kind === "help") return <Help controller={controller} />;
  if (dialog.kind === "name") return <Name controller={controller} />;
  return (
    <Decide
      key={dialog.incidentId + dialog.decision}
      controller={controller}
      decision={dialog.decision}
      incidentId={dialog.incidentId}
    />
  );
}

function Modal({
  controller,
  title,
  children,
}: {
  controller: Controller;
  title: string;
  children: ComponentChildren;
}) {
  const element = useRef<HTMLDialogElement>(null);
  const close = () => controller.store.dispatch({ type: "dialog", dialog: null });
  useEffect(() => {
    const before = document.activeElement;
    const shown = element.current;
    shown?.showModal();
    return () => {
      shown?.close();
      // Where the keyboard was, so that J and K go on from there.
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      aria-labelledby="dialog-title"
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
    >
      <h2 id="dialog-title">{title}</h2>
      {children}
    </dialog>
  );
}

function Help({ controller }: { controller: Controller }) {
  return (
    <Modal controller={controller} title="Keyboard">
      <dl class="keys">
        {KEYS.map(({ shown, says }) => (
          <div key={shown}>
            <dt>
              {shown.split("  ").map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{says}</dd>
          </div>
        ))}
      </dl>
      <form
        method="dialog"
        class="buttons"
        onSubmit={(event) => {
          event.preventDefault();
          controller.store.dispatch({ type: "dialog", dialog: null });
        }}
      >
        <button type="submit" class="primary">
          Close
        </button>
      </form>
    </Modal>
  );
}

function NameField({
  value,
  onInput,
  focus,
}: {
  value: string;
  onInput: (text: string) => void;
  focus: boolean;
}) {
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (focus) input.current?.focus();
  }, [focus]);
  return (
    <label class="field">
      <span>Your name or duty number</span>
      <input
        ref={input}
        type="text"
        name="actor"
        required
        maxLength={80}
        autocomplete="name"
        value={value}
        onInput={(event) => onInput(event.currentTarget.value)}
      />
    </label>
  );
}

function Name({ controller }: { controller: Controller }) {
  const [actor, setActor] = useState(controller.store.state.actor);
  return (
    <Modal controller={controller} title="Your name">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          controller.setActor(actor.trim());
          controller.store.dispatch({ type: "dialog", dialog: null });
        }}
      >
        <p class="hint">It is kept in this browser and written into every decision.</p>
        <NameField value={actor} onInput={setActor} focus />
        <Buttons controller={controller} label="Keep" disabled={actor.trim() === ""} />
      </form>
    </Modal>
  );
}

function Decide({
  controller,
  decision,
  incidentId,
}: {
  controller: Controller;
  decision: Decision;
  incidentId: string;
}) {
  const known = controller.store.state.actor;
  const [actor, setActor] = useState(known);
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const text = useRef<HTMLTextAreaElement>(null);
  const incident = useStore(controller.store, (state) => state.incidents.get(incidentId));
  const needsReason = decision !== "acknowledge";
  useEffect(() => {
    if (known !== "") text.current?.focus();
  }, [known]);
  const submit = async () => {
    setBusy(true);
    controller.setActor(actor.trim());
    const taken = await controller.decide(decision, incidentId, actor.trim(), reason.trim());
    setBusy(false);
    if (taken) controller.store.dispatch({ type: "dialog", dialog: null });
  };
  const incomplete = actor.trim() === "" || (needsReason && reason.trim() === "");
  return (
    <Modal controller={controller} title={`${TITLES[decision]}: ${incident?.title ?? ""}`}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (!incomplete && !busy) void submit();
        }}
      >
        <p class="hint">
          <b class="number">{containerNumber(incident?.container_id ?? "")}</b> {HINTS[decision]}
        </p>
        {known === "" && <NameField value={actor} onInput={setActor} focus />}
        {needsReason && (
          <label class="field">
            <span>Reason</span>
            <textarea
              ref={text}
              name="reason"
              required
              maxLength={1000}
              rows={3}
              value={reason}
              onInput={(event) => setReason(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
                  event.currentTarget.form?.requestSubmit();
                }
              }}
            />
          </label>
        )}
        <Buttons controller={controller} label={TITLES[decision]} disabled={incomplete || busy} />
      </form>
    </Modal>
  );
}

function Buttons({
  controller,
  label,
  disabled,
}: {
  controller: Controller;
  label: string;
  disabled: boolean;
}) {
  return (
    <div class="buttons">
      <button type="button" onClick={() => controller.store.dispatch({ type: "dialog", dialog: null })}>
        Cancel
      </button>
      <button type="submit" class="primary" disabled={disabled}>
        {label}
      </button>
    </div>
  );
}
