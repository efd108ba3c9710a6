import importlib.util

import pytest

from unmask.errors import InputError
from unmask.training import corpus
from unmask.training.corpus import Document


def numbered(name, sentences):
    return Document(
        name,
        "".join(
            f"{name} says that sentence number {index} of {name} is not {index * 7}.\n" for index in range(sentences)
        ),
    )


def test_files_and_folders_are_read_each_file_a_document(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "b.txt").write_text("bee", encoding="utf-8")
    (tmp_path / "deep" / "a.md").write_text("ä", encoding="utf-8")
    (tmp_path / "image.png").write_bytes(b"\x89PNG")
    read = corpus.read([str(tmp_path), str(tmp_path / "b.txt")])
    assert [(document.name, document.text) for document in read] == [
        ("b.txt", "bee"),
        ("deep/a.md", "ä"),
        ("b.txt", "bee"),
    ]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder / "absent", "does not exist"),
        (lambda folder: folder, "has no text in it"),
        (lambda folder: (folder / "x.txt").write_bytes(b"caf\xe9") and folder / "x.txt", "is not UTF-8 text"),
        (lambda folder: (folder / "x.txt").write_text(" \n") and folder, "holds no text"),
    ],
)
def test_data_that_is_no_text_is_refused_in_one_line(tmp_path, make, message):
    with pytest.raises(InputError, match=message) as caught:
        corpus.read([str(make(tmp_path))])
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(importlib.util.find_spec("datasets") is not None, reason="datasets is installed")
def test_a_data_set_without_the_package_is_refused_by_name(tmp_path):
    (tmp_path / "train.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputError, match="package `datasets`"):
        corpus.read([str(tmp_path)])


def test_a_data_set_folder_is_read_row_by_row(tmp_path):
    pytest.importorskip("datasets")
    (tmp_path / "train.jsonl").write_text('{"text": "one"}\n{"text": "two"}\n', encoding="utf-8")
    assert [document.text for document in corpus.read([str(tmp_path)])] == ["one", "two"]


def test_whole_documents_are_held_out():
    documents = [numbered(f"doc{index}", 20) for index in range(40)]
    parts = corpus.split(documents, 0.1, seed=0)
    names = {document.name for document in parts.train}, {document.name for document in parts.held_out}
    assert not names[0] & names[1]
    assert names[0] | names[1] == {document.name for document in documents}
    share = sum(len(d.text) for d in parts.held_out) / sum(len(d.text) for d in documents)
    assert 0.05 < share < 0.2
    assert parts.dropped == 0


def test_a_huge_document_is_not_held_out():
    documents = [numbered("huge", 1000), *(numbered(f"doc{index}", 5) for index in range(20))]
    for seed in range(5):
        assert all(document.name != "huge" for document in corpus.split(documents, 0.02, seed).held_out)


def test_of_one_document_the_end_is_held_out():
    parts = corpus.split([numbered("only", 100)], 0.1)
    assert parts.train[0].text + parts.held_out[0].text == numbered("only", 100).text


def test_held_out_paragraphs_that_repeat_training_text_are_dropped():
    repeated = "This very sentence about the license stands in all of the documents there are.\n"
    documents = [Document(f"doc{i}", numbered(f"doc{i}", 20).text + repeated) for i in range(10)]
    parts = corpus.split(documents, 0.1, seed=0)
    assert parts.dropped == len(repeated) * len(parts.held_out)
    assert all(repeated not in document.text for document in parts.held_out)
    assert all(repeated in document.text for document in parts.train)


def test_the_split_depends_on_the_seed_alone():
    documents = [numbered(f"doc{index}", 20) for index in range(40)]
    assert corpus.split(documents, 0.1, 3) == corpus.split(documents, 0.1, 3)
    assert corpus.split(documents, 0.1, 3) != corpus.split(documents, 0.1, 4)


def test_the_python_manual_is_a_million_characters_of_plain_sentences():
    documents = corpus.read(["python-manual"])
    text = "".join(document.text for document in documents)
    assert len(text) > 800_000
    assert text.isascii()
    assert ">>>" not in text
    assert len(documents) > 200
