"""What the Python plugin knows of a function's files, without ever running them.

    findings.py      the list of findings
    sources.py       files to syntax trees, or the finding why not
    entry.py         which file and which name is the handler
    bindings.py      what a module binds at its top
    choice.py        which of the usual names is the handler
    advice.py        what to say when there is none
    config.py        handler_run_config
    handler.py       is it one that the runner can call
    requirements.py  pip command lines and requirements.txt
    installed.py     which modules the installed dependencies bring
    modules.py       imports: known, missing, hidden
    job.py           the four callbacks of the plugin

The plugin carries these files inside; its tests import them as they are.
"""
