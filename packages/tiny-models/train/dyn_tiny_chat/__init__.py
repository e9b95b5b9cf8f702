"""Everything that makes `dyn-tiny-chat`: the synthetic dialogues, the tokenizer, the model, its export."""
