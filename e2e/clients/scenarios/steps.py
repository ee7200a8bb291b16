"""Steps of a scenario in Python: each is written to $STEPS as it ends."""
import json
import os
import traceback


def note(name, value):
    """Writes a step with what came of it."""
    with open(os.environ["STEPS"], "a") as file:
        file.write(json.dumps([name, plain(value)], ensure_ascii=False) + "\n")


def plain(value):
    """The value with bytes as text."""
    if isinstance(value, bytes):
        return value.decode("utf8", "backslashreplace")
    if isinstance(value, dict):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(member) for member in value]
    return value


def step(name):
    """Runs the function that stands below as a step; an exception is its result, and ends the scenario badly."""

    def run(function):
        try:
            note(name, function())
        except Exception as error:
            traceback.print_exc()
            note(name, {"raised": type(error).__name__, "text": str(error)})
            failed.append(name)

    return run


def refused(name):
    """Runs the function that stands below, which has to raise: the exception is the result."""

    def run(function):
        try:
            note(name, {"returned": str(function())})
            failed.append(name)
        except Exception as error:
            status = getattr(getattr(error, "response", None), "status_code", None)
            note(name, {"raised": type(error).__name__, "status": status, "text": str(error)})

    return run


failed = []


def end():
    """Ends the scenario, with status 1 where a step went wrong."""
    if failed:
        print("went wrong:", ", ".join(failed))
    raise SystemExit(1 if failed else 0)
