/** The words of a command line: options are taken out of them, what is left are the beginnings of names. */
export class CommandLine {
  private readonly words = process.argv.slice(2);

  /** @param help is printed for `--help`, which ends the program */
  constructor(help: string) {
    if (!this.words.includes('--help')) return;
    console.log(help);
    process.exit(0);
  }

  /** Whether an option without a value is given. */
  flag(name: string): boolean {
    const at = this.words.indexOf(name);
    if (at !== -1) this.words.splice(at, 1);
    return at !== -1;
  }

  /** The value of an option. */
  option(name: string): string | undefined {
    const at = this.words.indexOf(name);
    return at === -1 ? undefined : this.words.splice(at, 2)[1];
  }

  /** Whether no name is asked for, which stands for all. */
  get picksAll(): boolean {
    return this.words.length === 0;
  }

  /** Whether a name is asked for, by its beginning. */
  picks(name: string): boolean {
    return this.picksAll || this.words.some((word) => name.startsWith(word));
  }
}
