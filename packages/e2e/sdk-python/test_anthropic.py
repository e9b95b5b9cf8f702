"""anthropic-python against a served model."""

import asyncio
import os

import anthropic
import pytest

URL = os.environ["DYN_TEST_URL"]
MODEL = os.environ["DYN_TEST_MODEL"]
OPTIONS = {
    "model": MODEL,
    "max_tokens": 32,
    # The SDK has no argument for it any more; the API has.
    "extra_body": {"temperature": 0},
    "system": "Be brief.",
    "messages": [{"role": "user", "content": [{"type": "text", "text": "What is 12 + 30?"}]}],
    "stop_sequences": ["never there"],
    "metadata": {"user_id": "somebody"},
}


@pytest.fixture
def client():
    return anthropic.Anthropic(base_url=URL, api_key="none", max_retries=0)


def test_messages_stream_what_they_answer_whole(client):
    whole = client.messages.create(**OPTIONS)
    with client.messages.stream(**OPTIONS) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_message()
    # The stream helper has a block class of its own.
    assert [(block.type, block.text) for block in final.content] == [
        (block.type, block.text) for block in whole.content
    ]
    assert final.stop_reason == whole.stop_reason
    assert final.usage.output_tokens == whole.usage.output_tokens
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop"
    raw = [event.type for event in client.messages.create(**OPTIONS, stream=True)]
    assert raw[0] == "message_start" and raw[-1] == "message_stop"


def test_text_stream(client):
    with client.messages.stream(**OPTIONS) as stream:
        assert "".join(stream.text_stream) == stream.get_final_text()


def test_count_is_exact(client):
    fields = {key: OPTIONS[key] for key in ("model", "system", "messages")}
    count = client.messages.count_tokens(**fields)
    usage = client.messages.create(**OPTIONS).usage
    read = usage.cache_read_input_tokens or 0
    assert count.input_tokens == usage.input_tokens + read


def test_tools(client):
    tools = [{"name": "add", "description": "Adds.", "input_schema": {"type": "object"}}]
    answer = client.messages.create(**OPTIONS, tools=tools, tool_choice={"type": "auto"})
    assert answer.stop_reason in ("end_turn", "tool_use", "max_tokens")


def test_models(client):
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).type == "model"


def test_errors_are_the_sdks_own(client):
    with pytest.raises(anthropic.BadRequestError, match="temperature"):
        client.messages.create(**{**OPTIONS, "extra_body": {"temperature": 9}})
    with pytest.raises(anthropic.NotFoundError, match="nobody"):
        client.messages.create(**{**OPTIONS, "model": "nobody"})


def test_async_client():
    async def ask():
        async with anthropic.AsyncAnthropic(base_url=URL, api_key="none") as client:
            return await asyncio.gather(*(client.messages.create(**OPTIONS) for _ in range(4)))

    assert len({message.content[0].text for message in asyncio.run(ask())}) == 1
