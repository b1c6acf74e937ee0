// Shown to whoever signed in with a key: forgets it in this browser.

import { session, signOut } from "../live/api.js";

export async function offerSignOut(button) {
  button.addEventListener("click", async () => {
    button.disabled = true;
    try {
      await signOut();
    } finally {
      // The node decides what is seen now: its sign-in page, or, where that failed, this one again.
      location.reload();
    }
  });
  try {
    button.hidden = !(await session()).signed_in;
  } catch {
    // A node that cannot say so is asked again when the page is loaded again.
  }
}
