import { render } from 'preact';
import { engine } from './store/engine.ts';
import { Shell } from './views/shell.tsx';
import { applyTheme } from './widgets/theme.tsx';

applyTheme();
engine.start();
render(<Shell />, document.getElementById('page')!);
