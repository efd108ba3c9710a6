"""Training: from text (or a law) to a masked diffusion model in a standard Hugging Face folder.

    from unmask.training.options import TrainingOptions
    from unmask.training.train import train

    train(TrainingOptions(data=("notes/",), minutes=30), "my-model")

`corpus` and `manual` find text and hold documents out, `tokenizer` and `text_windows` make examples of it, `objective`
is the paper's loss, `architecture` and `optimizer` what is trained and how, `trainer` the loop with `saved_steps`,
`evaluate` and `monitor` beside it. Nothing is imported here: transformers takes seconds.
"""
