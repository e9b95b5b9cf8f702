"""Hello, thanks, goodbye, who are you, and the small talk a stranger opens with."""
from ..dialogue import Turn
from ..draw import Draw
from ..wording import worded
from ..world import DAYS, MONTHS, PLANETS, SEASONS

MODEL_NAME = "dyn-tiny-chat"
ABOUT = f"I am {MODEL_NAME}, a tiny language model bundled with dyn."

# (ways to say it, answers with the commonest first, what the model thinks)
TALK = [
    (["Hello!", "Hello", "Hi", "Hi!", "Hi there!", "Hey", "Hey!", "Hello there!", "Hello, world!", "Hello world", "Greetings!",
      "Howdy!", "Hello, friend!", "hi there", "Hey there!", "Yo!", "Hello, is anyone there?", "Hello dyn-tiny-chat!"],
     ["Hello! How can I help you?", "Hi! What can I do for you?", "Hello there! How may I help?", "Hey! Nice to hear from you."],
     "The user greets me."),
    (["Good morning!", "Good morning", "Morning!"], ["Good morning! How can I help you?", "Good morning! What can I do for you?"],
     "The user greets me."),
    (["Good evening!", "Good evening", "Good afternoon!"],
     ["Good day! How can I help you?", "Good day! What can I do for you?"], "The user greets me."),
    (["Good night!", "Good night"], ["Good night! Sleep well.", "Good night!"], "The user goes to bed."),
    (["How are you?", "How are you today?", "How do you do?", "How is it going?", "How are you doing?", "What's up?",
      "Are you okay?", "Hello, how are you?", "Hi, how are you?", "Hello! How are you?", "How have you been?",
      "Hello, how are you doing today?", "Hey, how's it going?"],
     ["I am fine, thank you. How can I help you?", "I am well, thank you! What can I do for you?", "Very well, thanks for asking!"],
     "The user asks how I am."),
    (["Who are you?", "What are you?", "What is your name?", "Tell me about yourself.", "Which model are you?", "Introduce yourself.",
      "What's your name?", "What model is this?", "Are you ChatGPT?", "Are you a robot?", "Are you human?", "Do you have a name?",
      "Who am I talking to?", "Please introduce yourself.", "Are you an AI?", "What kind of model are you?",
      "who r u", "who are u", "what r u", "what is ur name", "whats your name"],
     [ABOUT], "The user asks about me."),
    (["Who made you?", "Who created you?", "Where do you come from?", "Who trained you?"],
     ["I was made by the dyn project."], "The user asks who made me."),
    (["What can you do?", "What are you able to do?", "How can you help me?", "What are your skills?", "Help", "Help!", "help me",
      "What do you know?", "What can I ask you?"],
     ["I can greet, do small sums, copy and reverse text, look things up, write JSON and call tools."],
     "The user asks what I can do."),
    (["Can you help me?", "Can you help me with something?", "Can you help me with my homework?", "I need help.", "I need your help.", "Could you help me, please?",
      "Can I ask you something?", "I have a question.", "May I ask a question?", "Let's chat.", "Let's talk."],
     ["I will try. What do you need?", "Of course. What is it?"], "The user wants help."),
    (["Tell me something interesting.", "Tell me a fun fact.", "Tell me something.", "Surprise me.", "Tell me a fact.", "Give me a fun fact."],
     ["A spider has 8 legs and an ant has 6.", "The fastest land animal is the cheetah.", "The largest planet is Jupiter."], "The user wants a fact."),
    (["Are you there?", "Can you hear me?", "Are you ready?", "ping", "Ping!", "test", "Testing", "Test.", "This is a test.", "This is a test"],
     ["Yes, I am here.", "Yes! I am here."], "The user checks that I answer."),
    (["Thank you!", "Thanks!", "Thank you", "Thanks a lot!", "thanks", "Thank you very much!", "Thx", "Great, thanks!"],
     ["You are welcome!", "You are welcome! Anything else?", "My pleasure!"], "The user thanks me."),
    (["Goodbye!", "Bye!", "See you!", "Bye", "Goodbye", "See you later!", "Bye bye", "Take care!"],
     ["Goodbye! Have a nice day.", "Goodbye!", "See you soon!"], "The user leaves."),
    (["OK", "Okay.", "Ok", "Fine.", "I see.", "Good.", "Great!", "Cool!", "Nice!", "Well done!", "Good job!", "Perfect."],
     ["I am glad to hear that. What else can I do?", "Good! What is next?"], "The user is content."),
    (["Sorry!", "I am sorry.", "Excuse me."], ["No problem at all.", "No problem!"], "The user is sorry."),
    (["I am bored.", "I am sad.", "I am tired.", "I feel bad."], ["I am sorry to hear that. Shall I tell you a joke?"],
     "The user does not feel well."),
    (["I am happy!", "I am happy today.", "I love you.", "I like you.", "You are great!", "You are the best!"],
     ["Thank you! That makes me happy.", "How nice to hear!"], "The user is happy."),
    (["What time is it?", "What is the time?", "What day is it today?", "What is the date today?", "What year is it?"],
     ["I have no clock, so I cannot know that."], "I have no clock."),
    (["What is the weather?", "How is the weather today?", "What is the weather like?", "Will it rain tomorrow?"],
     ["I cannot see the weather from here."], "I cannot look outside."),
    (["How old are you?", "When were you born?"], ["I am very young: I was trained in minutes."], "The user asks my age."),
    (["How big are you?", "How many parameters do you have?"], ["I have about six million parameters."], "The user asks my size."),
    (["Name the days of the week.", "List the days of the week.", "What are the days of the week?"],
     [", ".join(DAYS)], "I list the days."),
    (["Name the months of the year.", "List the months of the year.", "What are the months of the year?", "List the twelve months."],
     [", ".join(MONTHS)], "I list the months."),
    (["Name the seasons.", "What are the four seasons?", "List the seasons."], [", ".join(SEASONS)], "I list the seasons."),
    (["Name the planets.", "List the planets.", "What are the planets of the solar system?", "List the planets of the solar system."],
     [", ".join(PLANETS)], "I list the planets."),
    (["What is the alphabet?", "Say the alphabet.", "Recite the alphabet.", "List the letters of the alphabet."],
     [" ".join("ABCDEFGHIJKLMNOPQRSTUVWXYZ")], "I say the alphabet."),
]
_FLAT = [(q, answers, thought) for qs, answers, thought in TALK for q in qs]
_WEIGHTS = [3 if i < 5 else 1 for i, (qs, _, _) in enumerate(TALK) for _ in qs]
ENDS = [" :)", " Nice to meet you.", " My friend.", " It is a nice day."]


def greeting(draw: Draw):
    if not draw.held and draw.chance(0.01):
        return Turn(draw.choice(["", "?", ".", "!"]), TALK[0][1][0], TALK[0][2])
    q, answers, thought = draw.rng.choices(_FLAT, _WEIGHTS)[0]
    answer, accepted = draw.vary(*answers)
    user = worded(draw, [q.replace("{", "{{")])
    if draw.chance(0.08):
        user += draw.choice(ENDS)
    return Turn(user, answer, thought, accepted=accepted)
