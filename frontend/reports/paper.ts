/** What has to change before it is printed: charts take the paper's width, notes are open. */

/** What is left of A4 between the margins of print.css, in CSS pixels. */
const PAGE_PX = 700;

/** How wide a node's place is on paper. */
export function paperWidth(node: Element): number {
  if (node.closest(".cards")) return (PAGE_PX - 30) / 2;
  if (node.closest(".three")) return (PAGE_PX - 60) / 3;
  return PAGE_PX;
}

/** Call `paper` before the page is printed and `screen` after it, as long as the node is in the page. */
export function onPaper(node: Element, paper: () => void, screen: () => void): void {
  const printing = (): void => (node.isConnected ? paper() : stop());
  const printed = (): void => (node.isConnected ? screen() : stop());
  const stop = (): void => {
    removeEventListener("beforeprint", printing);
    removeEventListener("afterprint", printed);
  };
  addEventListener("beforeprint", printing);
  addEventListener("afterprint", printed);
}

/** The notes on what is missing belong on paper whether they were open or not. */
export function openNotesOnPaper(): void {
  let closed: HTMLDetailsElement[] = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll<HTMLDetailsElement>("details.notes:not([open])")];
    for (const notes of closed) notes.open = true;
  });
  addEventListener("afterprint", () => {
    for (const notes of closed) notes.open = false;
  });
}
