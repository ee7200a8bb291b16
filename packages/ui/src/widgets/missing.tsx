/** The view of something that the engine does not have. */
export const Missing = ({ kind }: { kind: 'container' | 'image' | 'network' | 'volume' }) => (
  <>
    <h1>No such {kind}</h1>
    <p>
      It was removed, or never was here. <a href={`#/${kind}s`}>All {kind}s</a>
    </p>
  </>
);
