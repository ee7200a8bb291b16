import { useState } from 'preact/hooks';

const THEMES = ['auto', 'light', 'dark'] as const;
type Theme = (typeof THEMES)[number];
const KEY = 'berth-theme';

const stored = (): Theme => THEMES.find((theme) => theme === localStorage.getItem(KEY)) ?? 'auto';

/** Gives the page the theme that was chosen last; `auto` is that of the system. */
export function applyTheme(theme: Theme = stored()): void {
  if (theme === 'auto') delete document.documentElement.dataset['theme'];
  else document.documentElement.dataset['theme'] = theme;
}

/** Widgets that draw with colours of their own draw anew after this event. */
const changed = (): boolean => dispatchEvent(new Event('themechange'));
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);

/** The select by which a user chooses the theme; the browser remembers it. */
export function ThemeChoice() {
  const [theme, setTheme] = useState(stored());
  return (
    <label class="theme">
      <span class="unseen">Theme</span>
      <select
        value={theme}
        onChange={({ currentTarget }) => {
          const next = THEMES.find((one) => one === currentTarget.value) ?? 'auto';
          localStorage.setItem(KEY, next);
          setTheme(next);
          applyTheme(next);
          changed();
        }}
      >
        <option value="auto">System</option>
        <option value="light">Light</option>
        <option value="dark">Dark</option>
      </select>
    </label>
  );
}
