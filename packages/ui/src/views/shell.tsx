import { useLayoutEffect, useRef } from 'preact/hooks';
import { visible } from '../base/text.ts';
import { useValue } from '../base/use-value.ts';
import { engine } from '../store/engine.ts';
import { Notices } from '../widgets/notices.tsx';
import { useRoute } from '../widgets/route.ts';
import { ThemeChoice } from '../widgets/theme.tsx';
import { ContainerPage } from './container/page.tsx';
import { Containers } from './containers/list.tsx';
import { Events } from './events/list.tsx';
import { HostPage } from './host/page.tsx';
import { Images } from './images/list.tsx';
import { ImagePage } from './images/page.tsx';
import { Networks } from './networks/list.tsx';
import { NetworkPage } from './networks/page.tsx';
import { RunPage } from './run/form.tsx';
import { Volumes } from './volumes/list.tsx';
import { VolumePage } from './volumes/page.tsx';

const SECTIONS = [
  ['containers', 'Containers'],
  ['images', 'Images'],
  ['volumes', 'Volumes'],
  ['networks', 'Networks'],
  ['events', 'Events'],
  ['host', 'Host'],
] as const;

function View({ route }: { route: string[] }) {
  switch (route[0]) {
    case 'containers':
      if (route[1]) return <ContainerPage key={route[1]} id={route[1]} tab={route[2] ?? ''} />;
      return <Containers />;
    case 'images':
      if (route[1]) return <ImagePage key={route[1]} id={route[1]} tab={route[2] ?? ''} />;
      return <Images />;
    case 'run':
      return <RunPage key={route[1]} image={route[1] ?? ''} />;
    case 'volumes':
      if (route[1]) return <VolumePage key={route[1]} name={route[1]} tab={route[2] ?? ''} />;
      return <Volumes />;
    case 'networks':
      return route[1] ? <NetworkPage key={route[1]} name={route[1]} tab={route[2] ?? ''} /> : <Networks />;
    case 'events':
      return <Events />;
    case 'host':
      return <HostPage tab={route[1] ?? ''} />;
    default:
      return <Containers />;
  }
}

/** The frame of the page: where one can go, what is wrong, and the view that the address names. */
export function Shell() {
  const route = useRoute();
  const trouble = useValue(engine.trouble);
  const section = route[0] ?? 'containers';
  const place = route.slice(0, 3).join('/');
  const main = useRef<HTMLElement>(null);
  const first = useRef(true);
  // At once, before the view is painted: later it would take the focus from what the user has gone to, and a key with it.
  useLayoutEffect(() => {
    const title = SECTIONS.find(([name]) => name === section)?.[1] ?? 'Containers';
    document.title = `${route[1] ? `${visible(route[1]).slice(0, 40)} · ` : ''}${title} · Berth`;
    // The focus follows the page, for those who use the keyboard or a screen reader.
    if (!first.current) main.current?.focus();
    first.current = false;
  }, [place]);
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header class="top">
        <a class="brand" href="#/containers">
          <img src="/icon.svg" alt="" width="22" height="22" /> Berth
        </a>
        <nav aria-label="Sections">
          {SECTIONS.map(([name, title]) => (
            <a key={name} href={`#/${name}`} aria-current={section === name ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <ThemeChoice />
      </header>
      {trouble !== undefined && (
        <p class="trouble" role="alert">
          This is not up to date: {trouble}
        </p>
      )}
      <main id="main" tabIndex={-1} ref={main}>
        <View route={route} />
      </main>
      <Notices />
    </>
  );
}
