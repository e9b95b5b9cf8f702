"""What the model may know by heart: a small town that does not exist, and a few true facts of the real world.

The tables here are learnt whole. Tests hold out phrasings, never facts.
"""

CAPITALS = dict(
    Norway="Oslo", Sweden="Stockholm", Denmark="Copenhagen", Finland="Helsinki", Iceland="Reykjavik",
    France="Paris", Spain="Madrid", Portugal="Lisbon", Italy="Rome", Greece="Athens", Germany="Berlin",
    Austria="Vienna", Switzerland="Bern", Poland="Warsaw", Hungary="Budapest", Ireland="Dublin",
    Belgium="Brussels", Japan="Tokyo", China="Beijing", India="New Delhi", Egypt="Cairo", Kenya="Nairobi",
    Canada="Ottawa", Mexico="Mexico City", Peru="Lima", Chile="Santiago", Cuba="Havana", Brazil="Brasilia",
    Turkey="Ankara", Thailand="Bangkok", England="London", Scotland="Edinburgh", Wales="Cardiff",
    Russia="Moscow", Ukraine="Kyiv", Romania="Bucharest", Bulgaria="Sofia", Serbia="Belgrade",
    Croatia="Zagreb", Slovakia="Bratislava", Slovenia="Ljubljana", Estonia="Tallinn", Latvia="Riga",
    Lithuania="Vilnius", Argentina="Buenos Aires", Colombia="Bogota", Venezuela="Caracas",
    Ecuador="Quito", Uruguay="Montevideo", Australia="Canberra", Vietnam="Hanoi", Indonesia="Jakarta",
    Iran="Tehran", Iraq="Baghdad", Morocco="Rabat", Tunisia="Tunis", Ghana="Accra", Nigeria="Abuja",
    Ethiopia="Addis Ababa", Pakistan="Islamabad", Nepal="Kathmandu") | {
    "the Netherlands": "Amsterdam", "the United States": "Washington", "the USA": "Washington",
    "the United Kingdom": "London", "the UK": "London", "South Korea": "Seoul", "New Zealand": "Wellington",
    "the Czech Republic": "Prague", "Saudi Arabia": "Riyadh", "the Philippines": "Manila"}
SHARED_CAPITALS = {"London", "Washington"}  # asked backwards, these have more than one answer

SOUNDS = dict(dog="barks", cat="meows", cow="moos", horse="neighs", sheep="bleats", duck="quacks", lion="roars",
              wolf="howls", bee="buzzes", snake="hisses", pig="grunts", owl="hoots", frog="croaks",
              mouse="squeaks", crow="caws")
LEGS = dict(dog=4, cat=4, cow=4, horse=4, sheep=4, duck=2, bird=2, spider=8, ant=6, bee=6, fly=6, human=2,
            snake=0, fish=0, table=4, beetle=6, chicken=2, lion=4)
OPPOSITES = dict(hot="cold", big="small", fast="slow", old="young", up="down", open="closed", light="dark",
                 high="low", wet="dry", hard="soft", early="late", full="empty", good="bad", near="far",
                 left="right", loud="quiet", happy="sad", strong="weak", rich="poor", day="night",
                 black="white", yes="no", first="last", long="short")
COLOURS_OF = dict(grass="green", snow="white", coal="black", blood="red", chocolate="brown", ash="grey") | {
    "the sky": "blue", "a lemon": "yellow", "a carrot": "orange", "a plum": "purple", "a flamingo": "pink",
    "a banana": "yellow", "the sun": "yellow", "a tomato": "red", "the sea": "blue", "milk": "white"}

# person of the town -> job, pet, colour of the house
PEOPLE = dict(
    Ada=("baker", "cat", "red"), Ben=("sailor", "dog", "blue"), Cleo=("librarian", "parrot", "green"),
    Dan=("doctor", "rabbit", "white"), Eve=("painter", "fox", "yellow"), Finn=("farmer", "goat", "brown"),
    Gwen=("pilot", "owl", "black"), Hugo=("cook", "hen", "orange"), Iris=("singer", "swan", "pink"),
    Jonas=("tailor", "mouse", "grey"), Kira=("miner", "mole", "purple"), Leo=("judge", "lion", "golden"))

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = ("January February March April May June July August September October November December").split()
MONTH_DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
SEASONS = "spring summer autumn winter".split()
PLANETS = "Mercury Venus Earth Mars Jupiter Saturn Uranus Neptune".split()

# statement -> the ways to ask for it
SINGLE_FACTS = {
    "A week has seven days.": ["How many days are in a week?", "How many days does a week have?"],
    "A year has twelve months.": ["How many months are in a year?", "How many months does a year have?"],
    "A year has 365 days.": ["How many days are in a year?", "How many days does a year have?"],
    "A day has 24 hours.": ["How many hours are in a day?", "How many hours does a day have?"],
    "An hour has 60 minutes.": ["How many minutes are in an hour?", "How many minutes does an hour have?"],
    "A minute has 60 seconds.": ["How many seconds are in a minute?", "How many seconds does a minute have?"],
    "The largest planet is Jupiter.": ["What is the largest planet?", "Which planet is the biggest?",
                                       "What is the largest planet in our solar system?"],
    "The largest ocean is the Pacific Ocean.": ["What is the largest ocean?", "Which ocean is the biggest?"],
    "The highest mountain is Mount Everest.": ["What is the highest mountain?", "What is the tallest mountain in the world?",
                                               "Which mountain is the highest?"],
    "There are eight planets in the solar system.": ["How many planets are there?", "How many planets are in the solar system?"],
    "There are seven continents.": ["How many continents are there?", "How many continents are on Earth?"],
    "William Shakespeare wrote Romeo and Juliet.": ["Who wrote Romeo and Juliet?", "Who is the author of Romeo and Juliet?",
                                                    "Who wrote Hamlet and Romeo and Juliet?"],
    "William Shakespeare wrote Hamlet.": ["Who wrote Hamlet?", "Who is the author of Hamlet?"],
    "Leonardo da Vinci painted the Mona Lisa.": ["Who painted the Mona Lisa?", "Which artist painted the Mona Lisa?"],
    "Water freezes at 0 degrees Celsius.": ["At what temperature does water freeze?", "When does water freeze?"],
    "Water boils at 100 degrees Celsius.": ["At what temperature does water boil?", "When does water boil?"],
    "The Earth moves around the Sun.": ["Does the Earth move around the Sun?", "What does the Earth move around?"],
    "The Moon moves around the Earth.": ["What does the Moon move around?"],
    "The sky is blue because air scatters blue light most.": ["Why is the sky blue?", "Why does the sky look blue?"],
    "Water is made of hydrogen and oxygen.": ["What is water made of?", "What is H2O?"],
    "Neil Armstrong was the first person on the Moon.": ["Who was the first person on the Moon?", "Who was the first man on the moon?",
                                                         "Who first walked on the moon?"],
    "A triangle has three sides.": ["How many sides does a triangle have?"],
    "A square has four sides.": ["How many sides does a square have?"],
    "The fastest land animal is the cheetah.": ["What is the fastest animal?", "Which animal is the fastest?"],
    "The largest animal is the blue whale.": ["What is the largest animal?", "Which animal is the biggest?"],
}
