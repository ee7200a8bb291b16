import { CliError } from '../../base/errors.ts';
import { command, exactly } from '../../cli/command.ts';

/*
 * All three ask `berth __complete -- WORDS`, so that they never know less than the program itself.
 */
const bash = `# bash completion for berth
_berth() {
  # Words are split at blanks alone: bash would split an image's name at its colon.
  local line=\${COMP_LINE:0:COMP_POINT} words=() candidates=() candidate current prefix=''
  read -ra words <<<"$line"
  [[ $line == *[[:blank:]] ]] && words+=('')
  current=\${words[\${#words[@]} - 1]}
  [[ $current == *[:=]* ]] && prefix=\${current%\${current##*[:=]}}
  COMPREPLY=()
  while IFS=$'\\t' read -r candidate _; do
    case $candidate in
    :done) ;;
    :files) compopt -o default 2>/dev/null ;;
    *)
      # Only what follows the last break is replaced by bash.
      COMPREPLY+=("\${candidate#"$prefix"}")
      [[ $candidate == *[:=] ]] && compopt -o nospace 2>/dev/null
      ;;
    esac
  done < <("\${words[0]}" __complete -- "\${words[@]:1}" 2>/dev/null)
}
complete -F _berth berth
`;

const zsh = `#compdef berth
# zsh completion for berth
_berth() {
  local -a candidates
  local line word about files=0
  while IFS=$'\\t' read -r word about; do
    case $word in
    :done) ;;
    :files) files=1 ;;
    *) candidates+=("\${word//:/\\\\:}\${about:+:$about}") ;;
    esac
  done < <("\${words[1]}" __complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)
  (( \${#candidates} )) && _describe -t berth 'berth' candidates
  (( files )) && _files
}
if [ "$funcstack[1]" = "_berth" ]; then
  _berth "$@"
else
  compdef _berth berth
fi
`;

const fish = `# fish completion for berth
function __berth_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  for line in ($words[1] __complete -- $words[2..-1] $current 2>/dev/null)
    switch $line
      case ':done'
      case ':files'
        __fish_complete_path $current
      case '*'
        printf '%s\\n' $line
    end
  end
end
complete -c berth -f -a '(__berth_complete)'
`;

const scripts: Readonly<Record<string, string>> = { bash, zsh, fish };

export default command({
  use: 'bash|zsh|fish',
  about: 'Print the completion script of a shell',
  more: `To have it in every shell from now on:
  bash:  berth completion bash > /etc/bash_completion.d/berth
  zsh:   berth completion zsh > "\${fpath[1]}/_berth"
  fish:  berth completion fish > ~/.config/fish/completions/berth.fish`,
  args: exactly(1),
  flags: {},
  async run({ cli, args }) {
    const name = args[0]!;
    if (!Object.hasOwn(scripts, name))
      throw new CliError(`unknown shell ${JSON.stringify(name)}: bash, zsh or fish`);
    cli.print(scripts[name]!);
  },
});
