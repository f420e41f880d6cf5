"""Good inputs for the readers of `init`, to be mutated; tokens to put in; texts known to be trouble."""

from __future__ import annotations

from pathlib import Path

from taxoloss.sources.formats import FORMATS

#: For each kind the suffix of a file and its text: the examples of the formats, ...
SEEDS: dict[str, tuple[str, str]] = {
    format.name: (Path(format.example[0]).suffix, format.example[1])
    for format in FORMATS.values()
    if format.example is not None
}
#: ... what is no text in one file, ...
SEEDS["image-folder"] = ("", "x")
SEEDS["table"] = (".parquet", "PAR1\x15\x04\x15\x10\x15\x14PAR1")
_TAXA = ((1, 1, "no rank"), (2, 1, "kingdom"), (3, 2, "species"), (4, 2, "species"))
SEEDS["excel"] = (".xlsx", "PK\x03\x04\x14")
SEEDS["ncbi"] = (
    ".dmp",
    "".join(f"{a}\t|\t{b}\t|\t{rank}\t|\t\t|" + "\t0\t|" * 9 + "\n" for a, b, rank in _TAXA),
)
#: ... and predictions.
_NAMES = "id,target,answer,score\n1,pug,cat/Bengal,0.5\n2,cat > Siamese,pug | Bengal,1\n"
_RECORDS = (
    '{"id": 1, "target": "pug", "answer": ["pug", "Bengal"]}\n'
    '{"id": 2, "target": "cat", "answer": ["Bengal", "pug"]}\n'
)
SEEDS["answers"] = (".csv", _NAMES.replace(" | Bengal", ""))
SEEDS["rankings"] = (".jsonl", _RECORDS)
SEEDS["predictions"] = (".csv", 'target,Bengal,Siamese,pug\npug,-1.5,0,2e1\n"cat/Bengal",3,"-0.25",-inf\n')

#: A WordNet of four nouns, one of them with two above it, in the format of data.noun: wndb(5WN).
NOUNS = """\
  1 a licence
00001740 03 n 01 entity 0 000 | that which is
02121620 05 n 02 cat 0 true_cat 0 001 @ 00001740 n 0000 | feline
02123045 05 n 02 tabby 0 tabby_cat 0 001 @ 02121620 n 0000 | striped
02123159 05 n 01 tiger_cat 0 002 @ 02121620 n 0000 @ 00001740 n 0000 | a cat
02124075 05 n 01 Egyptian_cat 0 001 @i 02121620 n 0000 | of Egypt
"""

_WORDS = (
    "[ ] { } , ' \" # &a *a !x | > % ? \\ / ; ( ) < 9 a null ~ "
    "name: children: level: aliases: levels: tree:"
)
#: Pieces of YAML, JSON and tables, and bytes that no text has.
TOKENS = [
    *(word.encode() for word in _WORDS.split()),
    *(b": ", b"- ", b"\n", b"  ", b"\t", b"\x00", b"\xff", b"\xef\xbb\xbf", b"weight: nan", b"<<: "),
    *(b"\xe2\x80\xae", b"\xcc\x81", b"---\n", b"...\n"),
]

#: Short texts on which readers of YAML are known to differ, or to fail.
SHORT = [
    *("", "\ufeff", "\x00", "\ufeff\ufeffa", "a\x85b", "...", "---", "--- ---", "? ?", "- -", ": :"),
    *("{}", "[]", "!", "&", "*", "|", ">", "@", "`", "%", "~", "'", '"', "=", "<<: 1", "!!binary x"),
    *('"\\x', '"\\uD800"'),
    *("a: |\n\tb", "a: >9\n", "tree: !!python/object/apply:os.system [x]", "tree: 2024-13-99"),
    "tree: [1, 1.0, 0x1, 01, true, 1:1]",
]
