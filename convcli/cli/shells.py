"""Completion in bash, zsh and fish: what each shell is told once, and how it asks and is answered.

Every shell sends its command line up to the cursor as it was typed, in COMP_LINE. The answer is a line for each
candidate, `KIND<tab>VALUE<tab>HELP`: a `word` that is whole, a `part` that more has to follow, or `file` or `dir`
where the shell's own completion of paths is meant.
"""

import os
from typing import NamedTuple

from click.shell_completion import CompletionItem, ShellComplete, add_completion_class

from convcli.errors import ConvError, printable

__all__ = ["Typed", "register", "typed"]

_BASH = r"""%(complete_func)s() {
    local line rest
    COMPREPLY=()
    while IFS= read -r line; do
        rest=${line#*$'\t'}
        case ${line%%%%$'\t'*} in
            file) compopt -o default 2>/dev/null; COMPREPLY=(); return 0 ;;
            dir) compopt -o dirnames 2>/dev/null; COMPREPLY=(); return 0 ;;
            part) compopt -o nospace 2>/dev/null ;;
        esac
        COMPREPLY+=("${rest%%%%$'\t'*}")
    done < <(COMP_LINE="$COMP_LINE" COMP_POINT="$COMP_POINT" COMP_WORDBREAKS="$COMP_WORDBREAKS" \
        %(complete_var)s=bash_complete "$1" 2>/dev/null)
}
complete -o bashdefault -o default -F %(complete_func)s %(prog_name)s
"""

_ZSH = r"""#compdef %(prog_name)s
%(complete_func)s() {
    local -a lines wholes parts
    local line kind value
    lines=("${(@f)$(COMP_LINE="${(j: :)words[1,CURRENT-1]} ${IPREFIX}${QIPREFIX}${PREFIX}" \
        %(complete_var)s=zsh_complete ${(Q)words[1]} 2>/dev/null)}")
    for line in $lines; do
        kind=${line%%%%$'\t'*}
        line=${line#*$'\t'}
        value=${${line%%%%$'\t'*}//:/\\:}
        case $kind in
            (file) _files; return ;;
            (dir) _files -/; return ;;
            (part) parts+=("$value:${line#*$'\t'}") ;;
            (*) wholes+=("$value:${line#*$'\t'}") ;;
        esac
    done
    _describe -V -t candidates candidate wholes -- parts -S ''
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    %(complete_func)s "$@"
else
    (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
    compdef %(complete_func)s %(prog_name)s
fi
"""

_FISH = r"""function %(complete_func)s
    set -l line (commandline -cp)
    set -l program (string split -m 1 ' ' -- $line)[1]
    for answer in (COMP_LINE="$line" %(complete_var)s=fish_complete $program 2>/dev/null)
        set -l fields (string split -m 2 \t -- $answer)
        switch $fields[1]
            case file
                __fish_complete_path (commandline -ct)
            case dir
                __fish_complete_directories (commandline -ct)
            case '*'
                printf '%%s\t%%s\n' $fields[2] $fields[3]
        end
    end
end
complete --no-files --keep-order --command %(prog_name)s --arguments '(%(complete_func)s)'
"""


class Typed(NamedTuple):
    """A command line up to the cursor: words that are whole, the one that is not, and how it stands in quotes.

    quote: the quotation mark that is open, or nothing. begin: how many letters of the word stand before that mark.
    """

    words: list[str]
    current: str
    quote: str = ""
    begin: int = 0


def typed(line: str) -> Typed:
    """The line taken apart as shells do it, whatever is not closed yet.

    >>> typed('convcli apply "box | so')
    Typed(words=['convcli', 'apply'], current='box | so', quote='"', begin=0)
    """
    words, current, quote, begin, is_word = [], "", "", 0, False
    letters = iter(line)
    for letter in letters:
        if quote:
            if letter == quote:
                quote = ""
            elif letter == "\\" and quote == '"':
                following = next(letters, "")
                current += following if following in '"\\$`' else f"\\{following}"
            else:
                current += letter
        elif letter in "\"'":
            quote, begin, is_word = letter, len(current), True
        elif letter == "\\":
            current, is_word = current + next(letters, ""), True
        elif letter in " \t\n":
            if is_word:
                words.append(current)
            current, is_word = "", False
        else:
            current, is_word = current + letter, True
    return Typed(words, current, quote, begin if quote else 0)


class Shell(ShellComplete):
    """What the three have in common."""

    def __init__(self, *args):
        super().__init__(*args)
        self.typed = typed(self.line())

    def line(self) -> str:
        """The command line up to the cursor."""
        return os.environ.get("COMP_LINE", "")

    def get_completion_args(self):
        return self.typed.words[1:], self.typed.current

    def get_completions(self, args, incomplete):
        try:
            found = list(super().get_completions(args, incomplete))
        except Exception:  # a completion that fails must not write over the line that somebody is typing
            found = []
        option, equals, _ = incomplete.partition("=")
        if equals and option.startswith("-"):  # click gives what stands behind --option=
            for item in found:
                item.value = item.value if item.type in ("file", "dir") else f"{option}={item.value}"
        if not found and not incomplete.startswith("-"):
            found = [CompletionItem(incomplete, type="file")]
        return found

    def format_completion(self, item):
        kind = "part" if item.is_open else "word" if item.type == "plain" else item.type
        return f"{kind}\t{printable(self.spelled(item.value))}\t{printable(item.help or '')}"

    def spelled(self, value: str) -> str:
        """A candidate as this shell wants it."""
        return value


class Bash(Shell):
    """Bash takes the line apart at : and = as well, and puts in what it gets without quoting it."""

    name, source_template = "bash", _BASH

    def line(self):
        line = os.environ.get("COMP_LINE", "")
        point = os.environ.get("COMP_POINT", "")
        return os.fsencode(line)[: int(point)].decode(errors="surrogateescape") if point.isdigit() else line

    def spelled(self, value):
        if self.typed.quote:
            return value[self.typed.begin :]
        breaks = os.environ.get("COMP_WORDBREAKS", " :=")
        typed_ = self.typed.current
        cut = max(typed_.rfind(letter) + 1 for letter in ":=" if letter in breaks) if set(":=") & set(breaks) else 0
        return "".join(f"\\{letter}" if letter in " |&;<>()$`\\\"'*?[]{}!#" else letter for letter in value[cut:])


class Zsh(Shell):
    """Zsh quotes what it puts in by itself."""

    name, source_template = "zsh", _ZSH


class Fish(Shell):
    """So does fish."""

    name, source_template = "fish", _FISH


def register(request: str) -> None:
    """Nothing; click knows our three shells from here on. Raises ConvError where `request` is not theirs to answer."""
    shells = {shell.name: shell for shell in (Bash, Zsh, Fish)}
    name, _, what = request.partition("_")
    if name not in shells or what not in ("source", "complete"):
        raise ConvError(
            f'_CONVCLI_COMPLETE: "{printable(request)}" is none of {", ".join(f"{n}_source" for n in shells)}'
        )
    for shell in shells.values():
        add_completion_class(shell)
