"""The script that people and editors source to work in an environment.

An environment is reached through a link whose path stays, so the script asks the shell under which
path it was sourced. Only bash and zsh can tell. `deactivate` takes all of it back, as in what
`python -m venv` makes.
"""

PATH = "bin/activate"

ACTIVATE = """\
# Source this from bash or zsh; `deactivate` takes it back.

deactivate() {
    if [ -n "${_PIPELINE_PATH+set}" ]; then PATH=$_PIPELINE_PATH; fi
    if [ -n "${_PIPELINE_PS1+set}" ]; then PS1=$_PIPELINE_PS1; fi
    if [ -n "${_PIPELINE_HOME+set}" ]; then export PYTHONHOME="$_PIPELINE_HOME"; fi
    unset _PIPELINE_PATH _PIPELINE_PS1 _PIPELINE_HOME VIRTUAL_ENV VIRTUAL_ENV_PROMPT
    hash -r 2>/dev/null
    unset -f deactivate
}

if [ -n "${VIRTUAL_ENV:-}" ] && [ -n "${_PIPELINE_PATH+set}" ]; then PATH=$_PIPELINE_PATH; fi
if [ -n "${BASH_VERSION:-}" ]; then
    VIRTUAL_ENV=${BASH_SOURCE[0]}
elif [ -n "${ZSH_VERSION:-}" ]; then
    VIRTUAL_ENV=${(%):-%x}
else
    echo "this can be sourced from bash and zsh only" >&2
    return 2
fi
VIRTUAL_ENV=$(CDPATH='' cd -L -- "$(dirname -- "$VIRTUAL_ENV")/.." && pwd -L)
VIRTUAL_ENV_PROMPT=${VIRTUAL_ENV##*/}
export VIRTUAL_ENV VIRTUAL_ENV_PROMPT
_PIPELINE_PATH=$PATH
PATH=$VIRTUAL_ENV/bin:$PATH
export PATH
if [ -n "${PYTHONHOME:-}" ]; then _PIPELINE_HOME=$PYTHONHOME; unset PYTHONHOME; fi
if [ -z "${VIRTUAL_ENV_DISABLE_PROMPT:-}" ]; then
    _PIPELINE_PS1=${_PIPELINE_PS1-${PS1:-}}
    PS1="($VIRTUAL_ENV_PROMPT) $_PIPELINE_PS1"
fi
hash -r 2>/dev/null
"""
