"""The stock of words: what copies, look-ups, JSON values and made-up tools are filled with.

Only lists stand here. Nothing in them is a fact.
"""

NAMES = """Anna Bruno Carla David Elena Felix Greta Henry Ingrid Jakob Klara Lukas Maria Nils Olga Paul Quinn
Rosa Sven Tina Ursula Viktor Wanda Xenia Yusuf Zoe Alice Bob Boris Clara Diego Emma Frank Gloria Hans Isabel
Jack Karen Liam Mona Noah Oscar Petra Ralf Sara Tom Uma Vera Will Yara Zack Amir Bella Chen Dora Emil Fatima
George Hanna Ivan Julia Kurt Laura Marco Nina Otto Priya Rita Simon Theo Viola Walter Zara Adam Betty Carl
Diana Erik Fiona Gustav Helen John Jane Sam Max Mia Lily Peter Mary James Robert Linda Susan Sophie Daniel
Kevin Lisa Mark Nancy Steve Tony Wendy Charlie Eva Grace Hassan Jamal Kenji Lena Mohamed Nadia Omar Pablo
Raj Sofia Tariq Yuki""".split()

CITIES = """Hamburg Munich Milan Turin Porto Seville Lyon Nice Kyoto Osaka Boston Denver Dallas Seattle Chicago
Toronto Bergen Malmo Krakow Geneva London Paris Berlin Rome Madrid Tokyo Sydney Mumbai Delhi Cairo Nairobi
Lagos Lima Santiago Havana Austin Miami Houston Phoenix Atlanta Oslo Stockholm Vienna Prague Warsaw Dublin
Lisbon Athens Istanbul Dubai Singapore Beijing Shanghai Seoul Bangkok Hanoi Manila Jakarta Montreal Vancouver
Zurich Brussels Amsterdam Copenhagen Helsinki""".split() + [
    "New York", "San Francisco", "Los Angeles", "San Diego", "Las Vegas", "Mexico City", "Cape Town",
    "Hong Kong", "Buenos Aires", "Rio de Janeiro", "New Delhi", "Tel Aviv", "Salt Lake City"]
STATES = "CA NY MA TX WA IL FL CO OR NV GA PA".split()

COLOURS = "red blue green yellow black white orange purple pink brown grey golden silver violet".split()
FOODS = """bread cheese soup rice pasta salad fish cake honey apples pears beans eggs pizza noodles sushi tacos
pancakes chocolate waffles""".split()
PETS = "cat dog parrot rabbit fox goat owl hen swan mouse turtle hamster pony".split()
JOBS = "teacher nurse driver lawyer writer dancer chef engineer gardener plumber student programmer".split()
LANGUAGES = "German French Spanish Italian Polish English Japanese Chinese Dutch Swedish".split()
FRUITS = "apples oranges bananas pears plums cherries lemons peaches".split()

NOUNS = """apple river stone cloud garden window table bridge forest mountain silver candle paper engine bottle
basket island market pencil rocket summer winter spring autumn animal butter carpet dragon eagle flower guitar
hammer insect jacket kettle ladder magnet needle office pocket rabbit saddle ticket umbrella valley wagon zebra
anchor banana camera dinner elbow finger ghost harbor ivory jungle kitchen lemon mirror number ocean planet
quilt ribbon sugar tunnel uncle violin water yogurt bread chair earth field glass house image juice knife lamp
music night onion plane queen radio sheep train voice wheel arrow badge bell berry boat book box branch brick
brush button cabin cage canal card castle cave chain chalk cherry circle clock coat coin copper corner cotton
cow crown cup desk diamond door drum duck dust farm feather fence fire flag flame floor fog fork fox frame frog
fruit gate gift goat gold grain grape grass hat hill honey horn horse ice iron jar jewel key king kite lake leaf
letter lion lock map mask meadow melon milk mill moon moss nest net nut oak oar path peach pearl pepper piano
pie pig pillow pine pipe plate plum pond port pot prize pump purse rain raven road robe rock roof room root rope
rose sail salt sand scarf school sea seed shadow shell ship shirt shoe shore sky smoke snail snow soap sock song
soup spoon square stair star steam stick storm stove straw street string sun swan sword tail tent thread thumb
tiger tooth tower town toy tree truck tulip vase village wall wave wax web wind wing wolf wood wool yard
computer keyboard language model network server python program website internet phone message student teacher
doctor family friend morning evening weather machine battery system process memory station library hospital
airport university country government company business history science physics chemistry mathematics biology
economy culture religion philosophy football basketball tennis movie film actor singer painter poem story joke
question answer problem example test hello world person people child woman man brother sister mother father
strawberry orange tomato potato coffee pizza sandwich chocolate elephant monkey dolphin penguin giraffe
universe galaxy electron atom bicycle motorcycle helicopter kubernetes javascript typescript token prompt""".split()

OTHER_WORDS = """the a an and or but if then else when while of to in on at by for from with without about above after
again always before below beside between during every first last later middle never often only other outside
second soon there third today together tomorrow tonight until upon where yesterday this that these those is are
was were be been has have had do does did will would can could should may might must not no yes it its he she
they we you I me my your our their him her them us what which who whom whose why how all any some many much more
most few little less least very too also just even still already yet here now well good better best bad worse
worst new old young big small large tiny great high low long short wide narrow thick thin deep fast slow quick
quiet loud early late easy hard hot cold warm cool wet dry clean dirty dark light bright calm gentle happy sad
angry heavy kind open closed plain rich poor round sharp simple smooth soft strong weak sweet tall wild wise
lazy brown jumps over ask bake build call carry climb cook count draw drink drive eat fall find fly follow give
grow hear help hide hold jump keep know laugh learn leave lift listen live look make meet move need paint play
pull push read ride ring run see sell send sing sit sleep speak stand start stop swim take talk teach tell think
throw touch turn wait walk want wash watch wear win work write say said go went come came get got use used try
like love hate believe remember forget understand explain describe create change show buy pay cost spend happen
because however although maybe perhaps really quite almost enough please thanks sorry true false one two three
four five six seven eight nine ten hundred thousand million important different possible free full empty next
previous something nothing everything anything someone everyone nobody testing example important interesting""".split()

WORDS = sorted(set(NOUNS + OTHER_WORDS))
