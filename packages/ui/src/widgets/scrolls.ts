/** For elements whose content scrolls: the keyboard reaches them, and then scrolls. */
export const SCROLLS = { tabIndex: 0 } as const;
