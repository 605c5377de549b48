"""Times printlog's reading of G-code files next to Moonraker's extractor: bench_gcode.py FOLDER PRINTLOG BENCH.

Both read copies of the same files, in turns; of several turns the fastest counts for each file, because other work on the
machine only ever slows. Runs in an environment with Moonraker installed: its extractor is the script `metadata.py`, which
Moonraker is started again for each file.
"""

import contextlib
import json
import logging
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import moonraker

EXTRACTOR = pathlib.Path(moonraker.__file__).parent / "components/file_manager/metadata.py"
TURNS = 5


def main(folder, printlog, bench):
    sources = [path for path in sorted(pathlib.Path(folder).rglob("*")) if path.is_file()]
    size = sum(path.stat().st_size for path in sources)
    print(f"{len(sources)} files, {size / 1e6:.1f} MB, below {folder}\n")
    extract = extractor()
    best = {name: [float("inf")] * len(sources) for name in ("script", "process", "extractor")}
    best_folder = float("inf")
    parser = {}
    for _ in range(TURNS):
        with copied(sources) as copies:
            for index, path in enumerate(copies):
                for name, run in (
                    ("process", lambda path: quiet([printlog, "gcode", "--json", path])),
                    ("script", moonraker_process),
                    ("extractor", extract),
                ):
                    best[name][index] = min(best[name][index], timed(run, path))
            best_folder = min(best_folder, timed(quiet, [printlog, "gcode", "--json", copies[0].parent]))
        for mode, figures in parser_figures(bench, folder):
            if mode not in parser or figures["files_per_second"] > parser[mode]["files_per_second"]:
                parser[mode] = figures

    rate = {name: len(sources) / sum(times) for name, times in best.items()}
    rate["folder"] = len(sources) / best_folder
    rate["parser"] = parser["from_disk"]["files_per_second"]
    print("| | printlog | Moonraker's extractor | ratio |")
    print("| --- | --- | --- | --- |")
    for what, ours, theirs in (
        ("all files, as each does it", "folder", "script"),
        ("a process for each file", "process", "script"),
        ("in one process and thread", "parser", "extractor"),
    ):
        print(f"| {what} | {rate[ours]:,.0f} files/s | {rate[theirs]:,.1f} files/s | {rate[ours] / rate[theirs]:,.0f} |")
    print("\n| parser alone, one thread | MB/s | median | 95 of 100 | longest |")
    print("| --- | --- | --- | --- | --- |")
    for mode, what in (("head_and_tail", "head and tail"), ("whole", "whole files")):
        of = parser[mode]
        print(
            f"| {what} | {of['mb_per_second']:.0f} | {of['median_ms']:.2f} ms | {of['p95_ms']:.2f} ms"
            f" | {of['max_ms']:.1f} ms |"
        )


@contextlib.contextmanager
def copied(sources):
    """Moonraker writes images next to the files: each run has its own copies, under plain names."""
    with tempfile.TemporaryDirectory() as folder:
        copies = []
        for index, path in enumerate(sources):
            name = f"{index}{''.join(path.suffixes[-2:])}"
            copies.append(pathlib.Path(shutil.copyfile(path, pathlib.Path(folder) / name)))
        yield copies


def timed(run, argument):
    start = time.perf_counter()
    run(argument)
    return time.perf_counter() - start


def quiet(command):
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def moonraker_process(path):
    """As `MetadataStorage._run_extract_metadata` does it."""
    config = {"filename": path.name, "gcode_dir": str(path.parent), "check_objects": False, "processors": []}
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(config, file)
        file.flush()
        quiet([sys.executable, EXTRACTOR, "-c", file.name])


def extractor():
    sys.path.insert(0, str(EXTRACTOR.parent))
    logging.disable(logging.CRITICAL)
    import metadata

    def extract(path):
        # It fails on formats that it does not know.
        with contextlib.suppress(Exception):
            metadata.extract_metadata(os.fspath(path), [])

    return extract


def parser_figures(bench, folder):
    lines = subprocess.run([bench, folder, "1"], stdout=subprocess.PIPE, check=True, text=True).stdout
    for line in map(json.loads, lines.splitlines()):
        yield line.pop("mode"), line


if __name__ == "__main__":
    main(*sys.argv[1:])
