"""openai-python against a served model: every call that it has for a server of text, whole and streamed."""

import asyncio
import os

import openai
import pytest
from pydantic import BaseModel

URL = os.environ["DYN_TEST_URL"]
MODEL = os.environ["DYN_TEST_MODEL"]
MESSAGES = [{"role": "user", "content": "What is 12 + 30?"}]
OPTIONS = {
    "model": MODEL,
    "messages": MESSAGES,
    "max_tokens": 24,
    "seed": 7,
    "temperature": 0.7,
    "top_p": 0.9,
    "presence_penalty": 0.1,
    "frequency_penalty": 0.1,
    "stop": ["never there"],
    "user": "somebody",
    "logit_bias": {"5": -1},
    "extra_body": {"top_k": 20, "min_p": 0.01, "repetition_penalty": 1.05},
}


@pytest.fixture
def client():
    return openai.OpenAI(base_url=f"{URL}/v1", api_key="none", max_retries=0)


def joined(stream):
    texts, finish, usage = {}, {}, None
    for chunk in stream:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + (choice.delta.content or "")
            finish[choice.index] = choice.finish_reason or finish.get(choice.index)
    return texts, finish, usage


def test_models(client):
    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(MODEL).object == "model"
    with pytest.raises(openai.NotFoundError, match="nobody"):
        client.models.retrieve("nobody")


@pytest.mark.parametrize("n", [1, 3])
def test_chat_streams_what_it_answers_whole(client, n):
    whole = client.chat.completions.create(**OPTIONS, n=n)
    stream = client.chat.completions.create(
        **OPTIONS, n=n, stream=True, stream_options={"include_usage": True}
    )
    texts, finish, usage = joined(stream)
    assert texts == {c.index: c.message.content or "" for c in whole.choices}
    assert finish == {c.index: c.finish_reason for c in whole.choices}
    assert usage.completion_tokens == whole.usage.completion_tokens


def test_chat_logprobs(client):
    answer = client.chat.completions.create(
        model=MODEL, messages=MESSAGES, max_tokens=8, logprobs=True, top_logprobs=3, temperature=0
    )
    tokens = answer.choices[0].logprobs.content
    assert b"".join(bytes(t.bytes) for t in tokens).decode() == answer.choices[0].message.content
    assert all(len(t.top_logprobs) == 3 and t.logprob <= 0 for t in tokens)


def test_stream_helper(client):
    with client.chat.completions.stream(model=MODEL, messages=MESSAGES, temperature=0) as stream:
        events = [event.type for event in stream]
        final = stream.get_final_completion()
    assert "content.delta" in events and events[-1] == "content.done"
    assert "42" in final.choices[0].message.content


def test_raw_and_streaming_responses(client):
    raw = client.chat.completions.with_raw_response.create(**OPTIONS)
    assert raw.headers["content-type"].startswith("application/json")
    assert raw.parse().choices[0].message.role == "assistant"
    with client.chat.completions.with_streaming_response.create(**OPTIONS) as response:
        assert response.parse().object == "chat.completion"


def test_completions(client):
    options = {"model": MODEL, "max_tokens": 8, "seed": 7, "extra_body": {"ignore_eos": True}}
    for prompt in ["Once", ["Once", "Twice"], [300, 301], [[300, 301], [302]]]:
        whole = client.completions.create(**options, prompt=prompt)
        texts = {}
        for chunk in client.completions.create(**options, prompt=prompt, stream=True):
            for choice in chunk.choices:
                texts[choice.index] = texts.get(choice.index, "") + choice.text
        assert texts == {c.index: c.text for c in whole.choices}
    echoed = client.completions.create(**options, prompt="Once", echo=True, logprobs=2)
    assert echoed.choices[0].text.startswith("Once")
    assert len(echoed.choices[0].logprobs.tokens) == len(echoed.choices[0].logprobs.token_logprobs)


def test_responses(client):
    options = {"model": MODEL, "input": "What is 12 + 30?", "max_output_tokens": 32, "temperature": 0}
    whole = client.responses.create(**options)
    with client.responses.stream(**options) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    assert "42" in whole.output_text
    assert final.output_text == whole.output_text
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed"
    assert client.responses.input_tokens.count(model=MODEL, input="hello").input_tokens > 0


PNG = b"\x89PNG\r\n\x1a\n and more"


def test_images(client):
    options = {"model": "painter", "prompt": "a lighthouse", "response_format": "b64_json"}
    assert client.images.generate(**options).data[0].b64_json
    edited = client.images.edit(**options, image=("a.png", PNG), size="512x512", n=1)
    assert edited.data[0].revised_prompt == f"image/png, {len(PNG)} bytes"
    listed = client.images.edit(**options, image=[PNG])
    assert listed.data[0].revised_prompt == edited.data[0].revised_prompt
    with pytest.raises(openai.BadRequestError, match="image"):
        client.images.edit(**options, image=[PNG, PNG])
    with pytest.raises(openai.NotFoundError, match="variations"):
        client.images.create_variation(image=PNG)


def test_videos(client):
    options = {"model": "director", "prompt": "waves", "seconds": "4", "size": "1280x720"}
    assert client.videos.create(**options).status == "completed"
    made = client.videos.create(**options, input_reference=("a.png", PNG))
    assert made.began_with == f"image/png, {len(PNG)} bytes"


def test_errors_are_the_sdks_own(client):
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=MESSAGES, temperature=9)
    assert caught.value.param == "temperature" and "between 0 and 2" in str(caught.value)
    with pytest.raises(openai.NotFoundError, match="nobody"):
        client.chat.completions.create(model="nobody", messages=MESSAGES)
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x " * 90_000}])
    assert caught.value.code == "context_length_exceeded"


def test_stream_that_is_left(client):
    stream = client.chat.completions.create(
        model=MODEL, messages=MESSAGES, stream=True, extra_body={"ignore_eos": True}
    )
    next(iter(stream))
    stream.close()
    assert client.chat.completions.create(**OPTIONS).choices


def test_async_client_asks_side_by_side():
    async def ask():
        async with openai.AsyncOpenAI(base_url=f"{URL}/v1", api_key="none") as client:
            return await asyncio.gather(*(client.chat.completions.create(**OPTIONS) for _ in range(8)))

    answers = asyncio.run(ask())
    assert len({a.choices[0].message.content for a in answers}) == 1


class Sum(BaseModel):
    result: int


def test_parse(client):
    """Either the form is held to, or the server says that it cannot."""
    try:
        parsed = client.chat.completions.parse(model=MODEL, messages=MESSAGES, response_format=Sum)
    except openai.APIStatusError as error:
        assert error.status_code in (400, 501)
        return
    assert isinstance(parsed.choices[0].message.parsed, Sum)
