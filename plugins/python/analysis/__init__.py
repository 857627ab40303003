"""What the Python plugin knows of a function's files, without ever running them.

    findings.py      the list of findings
    sources.py       files to syntax trees, or the finding why not
    entry.py         which file and which name is the handler
    handler.py       is it one that the runner can call
    modules.py       imports: known, missing, hidden
    requirements.py  pip command lines and requirements.txt
    job.py           the four callbacks of the plugin

The plugin carries these files inside; its tests import them as they are.
"""
