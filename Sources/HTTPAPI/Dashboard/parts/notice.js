// A word on what became of something a person asked for, and the question before it.

import { element } from "./dom.js";

const SHOWN_MILLISECONDS = 8000;

export function tell(text, kind = "good") {
  const box = document.getElementById("notices");
  const note = element("p.note", { text, data: { kind } });
  box.append(note);
  while (box.children.length > 4) box.firstElementChild.remove();
  setTimeout(() => note.remove(), SHOWN_MILLISECONDS);
}

/** @returns {Promise<boolean>} whether it was confirmed */
export function confirmed(question, detail, word) {
  return new Promise((resolve) => {
    const dialog = element("dialog.ask", { "aria-labelledby": "ask-title" });
    const form = element(
      "form",
      { method: "dialog" },
      element("h2", { id: "ask-title", text: question }),
      element("p", { text: detail }),
      element(
        "div.buttons",
        {},
        element("button.button", { value: "no", text: "Cancel" }),
        element("button.button.primary", { value: "yes", text: word, autofocus: true }),
      ),
    );
    dialog.append(form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue === "yes");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}
