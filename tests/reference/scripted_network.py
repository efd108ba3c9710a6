"""A network whose laws are written down for each set of known tokens, to work a rule out by hand."""

import torch


class Scripted:
    """Answers with `laws({position: token})`, (L, V) probabilities, whatever else stands on the canvas.

    Attributes:
        asked: for each call the known positions of every row of it.
    """

    length = mask_token_id = None
    forbidden_ids = ()
    device = torch.device("cpu")
    calls_per_query = 1

    def __init__(self, vocab_size, laws, end_of_text_id=None):
        self.vocab_size, self.laws, self.end_of_text_id = vocab_size, laws, end_of_text_id
        self.asked = []

    def log_probs(self, tokens, known, wanted):
        rows = [
            {i: int(token) for i, (token, there) in enumerate(zip(row, shown, strict=True)) if there}
            for row, shown in zip(tokens, known, strict=True)
        ]
        self.asked.append([sorted(row) for row in rows])
        answers = torch.stack([torch.tensor(self.laws(row), dtype=torch.float64) for row in rows])
        return answers[wanted.rows, wanted.columns].log().float()


def sure(p, vocab_size=4, token=0):
    """A law with probability p on one token, the rest shared out evenly."""
    law = [(1 - p) / (vocab_size - 1)] * vocab_size
    law[token] = p
    return law


def laws_of(*confidences, vocab_size=4):
    """The same laws whatever is known: one confidence for each position."""
    return lambda known: [sure(p, vocab_size) for p in confidences]
