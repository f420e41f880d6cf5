"""Good inputs for the readers of `init`, to be mutated; tokens to put in; texts known to be trouble."""

from __future__ import annotations

from textwrap import dedent

#: For each kind the suffix of a file and its text.
SEEDS: dict[str, tuple[str, str]] = {}

_FILES = {
    "predictions .csv": """\
        target,Bengal,Siamese,pug
        pug,-1.5,0,2e1
        "cat/Bengal",3,"-0.25",-inf
        """,
    "ranks .csv": """\
        order,family,species
        Carnivora,Felidae,cat
        Carnivora,Felidae,lynx
        Rodentia,,mouse
        """,
    "bins .csv": "class,bin\npug,dog\nbeagle,dog\nBengal,cat\n",
    "edges .csv": "child,parent\ncat,pet\ndog,pet\npug,dog\nbeagle,dog\n",
    "paths .txt": "cat/Bengal\ncat/Siamese\ndog/pug\ndog/a\\/b\n",
    "nested .json": '{"cat": ["Bengal", "Siamese"], "dog": {"pug": null, "beagle": {}}}',
    "node-link .json": """\
        {"nodes": [{"id": "r"}, {"id": "a", "rank": "x"}, {"id": 2, "rank": "x"}],
         "links": [{"source": "r", "target": "a"}, {"source": "r", "target": 2}],
         "graph": {"levels": ["x"]}}
        """,
    "newick .nwk": "((Bengal:1,'Sia''mese'[level=y])cat,(pug,beagle)dog)root[levels=x/y];",
    "graphml .graphml": """\
        <?xml version="1.0"?>
        <graphml xmlns="http://graphml.graphdrawing.org/xmlns"><graph edgedefault="directed">
        <node id="r"/><node id="a"/><node id="b"/>
        <edge source="r" target="a"/><edge source="r" target="b"/>
        </graph></graphml>
        """,
    "obo .obo": """\
        format-version: 1.4

        [Term]
        id: X:1
        name: root

        [Term]
        id: X:2
        name: a
        is_a: X:1

        [Term]
        id: X:3
        name: b
        is_a: X:1
        synonym: "bb" EXACT []
        """,
    "skos .ttl": """\
        @prefix skos: <http://www.w3.org/2004/02/skos/core#> .
        <x:a> a skos:Concept; skos:prefLabel "A"@en; skos:broader <x:r>.
        <x:b> a skos:Concept; skos:broader <x:r>.
        """,
    "speciesnet .txt": """\
        990ae9dd-7a59-4344-afcb-1b7b21368000;mammalia;primates;hominidae;homo;sapiens;human
        f1856211-cfb7-4a5b-9158-c0f72fd09ee6;;;;;;blank
        990ae9dd-7a59-4344-afcb-1b7b21368001;mammalia;carnivora;felidae;;;felidae family
        """,
    "darwin-core .csv": """\
        taxonID,parentNameUsageID,scientificName,taxonRank
        1,,Animalia,kingdom
        2,1,Aves,class
        3,2,Anas a,species
        4,2,Anas b,species
        """,
    "inat .tsv": """\
        taxon_id\tancestry\trank_level\trank\tname\tactive
        1\t\t70\tkingdom\tAnimalia\ttrue
        3\t1\t50\tclass\tAves\ttrue
        4\t1/3\t10\tspecies\tAnas a\ttrue
        6\t1/3\t10\tspecies\tAnas c\ttrue
        """,
    "wordnet-ids .txt": "n02123045 tabby\nn02123159\nn02124075\n",
    "image-folder ": "x",
    "taxonomy .yaml": "levels: [a, b]\ntree:\n  cat: [Bengal]\n  dog: [pug]\n",
    "table .parquet": "PAR1\x15\x04\x15\x10\x15\x14PAR1",
    "names .txt": "pug\nBengal\nbeagle\n",
    "json .json": '{"name": "r", "children": [{"name": "a", "size": 3}, {"name": "b", "children": []}]}',
}
SEEDS |= {key.partition(" ")[0]: (key.partition(" ")[2], dedent(text)) for key, text in _FILES.items()}
_TAXA = ((1, 1, "no rank"), (2, 1, "kingdom"), (3, 2, "species"), (4, 2, "species"))
SEEDS["ncbi"] = (
    ".dmp",
    "".join(f"{a}\t|\t{b}\t|\t{rank}\t|\t\t|" + "\t0\t|" * 9 + "\n" for a, b, rank in _TAXA),
)

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
