/**
 * The words of fingerprints: 1,024 plain English words of four to seven letters, no two alike in their first four letters or
 * within one letter of each other, so that a misheard or half-typed word is still the right one. The list and its order
 * are part of the protocol: changing them changes every fingerprint.
 */
export const FINGERPRINT_WORDS: readonly string[] = `
abacus abbey academy acorn acrobat actor admiral aerial airport alarm album alcove algebra alley almanac almond alpaca
alpine amber amulet anchor angle anthem antler anvil apex apple apricot apron aqua arbor arcade arch arctic arena armada
arrow artist aspen asphalt aster athlete atlas atom attic auburn aurora autumn avenue aviary avocado award awning axle
azure bacon badge bagel baker balcony ballet balsam bamboo banana banjo banner banquet barley barn barrel basil basket
bassoon battery bazaar beach bear beaver beehive beetle belfry bellows beret bicycle birch biscuit bison bistro blanket
blazer blender blimp blossom blouse blue board boat bobbin bobcat boiler bonfire bongo bonnet bonus book border botany
bottle boulder bouquet bowl boxer bracket bramble brass breeze briar brick bridge bronze broom brush bubble bucket budget
buffalo bugle builder bulb bundle bunker bunny burger burlap bushel butter buzzard cabin cable cactus cadet cake calcium
calf camel campus canal candle canoe canvas canyon capital captain caravan carbon cargo carpet cascade cashew castle
catalog cedar celery cello cement center ceramic chair chalk chamber channel chapel chart cheese chef chemist cherry chess
chicken chimney chisel chorus chowder chrome cicada cinema circle citrus city clamp clay cliff climber clinic clock cloth
cloud clover club coach cobalt cobra cocoa coffee coin collar colt column comet compass concert cone cookie copper coral
cork corner cosmos cotton cougar coupon cousin cowboy coyote crab cradle crafts crane crater crayon cricket crimson crocus
crown cruiser crumb crystal cube cuckoo cuff cumin curry curtain cushion cycle cypress dairy dancer dawn decimal deck
delta denim dentist depot dewdrop dial diamond diary diesel dimple dingo dinner disk ditch divan doctor dogwood doll
dolphin dome domino donkey donut door dragon drapery drawer dream drift drizzle droplet drum dryer duchess dugout dune
eagle earring earth easel east echo eclipse editor embassy emblem emerald emperor empire enamel endive energy engine
ensign entry equator equinox estate evening fabric factory falcon family fanfare farm feather fence fern ferry fiber
fiddle field fillet filter finch fire fish fjord flag flame flannel flavor fleet flicker flint floral flower flute flyer
foam folder folk foot forest fossil foundry freckle freight fresco friend frigate fringe frog frost fruit fudge fuel
funnel furnace gadget galaxy gallery game garage garden garlic garnet gazelle gecko geology gerbil geyser giant gift
ginger ginseng giraffe glacier glass glider glitter globe gnome goblet goggle gold gondola gong goose gopher gorge gourd
grain granite grape green grizzly grocer grove guard guava guitar gulf guppy gymnast gypsum hacksaw haddock halibut halo
hamlet hammer hanger harp harvest hatchet hawk hazel hedge helium helmet hemlock herald herb hermit heron hickory highway
hill hinge hippo history hive hobby hockey hoist holiday honey hood horizon hornet hotel house hunter hurdle husky hybrid
hydrant ibex icicle icon igloo iguana impala incense index indigo iodine iris island isthmus item ivory jacket jaguar
jasmine jasper javelin jazz jeans jelly jersey jetty jigsaw jogger joker journal joust jubilee juggler juice jumper jungle
juniper jute kale karate kayak keel kelp kennel kestrel ketchup kettle kilt kimono king kiosk kitchen kite kiwi koala
krill lace lacquer ladder lagoon lamb lantern laptop lark laser lasso lattice laundry laurel lava lawyer leaf league leek
legend legume lemon lemur lens lentil leopard lesson letter lever library lichen light lilac lily lime linen lintel lion
lizard llama lobster locker locust lodge loft loom lotion lotus lounge lumber lunar lunch lupine machine magma magnet
magpie mailbox mammoth mango mantle maple marble market marmot mascot mask matrix meadow medal medley melon member mentor
menu mercury merit merlin mesh meteor milk minnow mirror mitten mixer mocha moon mortar moss muesli muffin mule museum
music mustard mutton nacho napkin narwhal nebula nectar needle neon nest nickel noodle nozzle nugget nutmeg nylon oasis
oatmeal obelisk oboe ocean ocelot octopus olive omelet onion onyx opal opera orange orbit orca orchard oregano organ
oriole osprey ostrich otter oxbow oxygen oyster ozone paddle padlock pagoda painter palm panda panther papaya paper
paprika parrot parsley pastel patio peacock peanut pebble pecan pegasus pelican pencil penguin peony pepper perch perfume
pewter phoenix piano piccolo pickle picnic pigeon piglet pilot pine pioneer piston pitcher pixel pizza planet plaster
pliers plow plum pocket polka pollen poncho pond popcorn poppy potato pottery powder prairie pretzel prism pudding pulley
puma pumpkin puppet puzzle pyramid python quail queen quilt quince quiz rabbit raccoon radar radio raft railway rainbow
raisin rally ramp ranch rapids raptor rattle raven ravine razor reactor recipe record redwood reef refuge region relay
relic remedy remote renewal report reptile rescue reserve reward rhino rhubarb rhyme ribbon rice rigging ripple ritual
river road robin robot rodeo roller romance rondo roof rooster rope rotunda round rowboat royal rubber rubric ruby rudder
ruler rumba runner runway rust saber sachet safari sage salad salmon salt sample sand sardine satin saturn saucer sausage
savanna scarf scooter scout scroll seal sedan seed sequoia sesame shadow sheep shelf sherbet shield shingle ship shovel
shrimp shrub shuttle sierra silver siphon siren sitar skillet skunk skylark slate sleeve slipper sloop smile smoke snail
snorkel snow soap sofa soil sorbet spade spear spider spinach sponge spoon spring sprout spruce square squid stable steam
steeple stencil stitch stone stork straw strudel subway suede sugar summer sundial sunset surf sushi swamp swan sweater
swift swing tablet tailor talon tandem target tavern taxi teacher teak teapot temple tennis thatch theater thimble thorn
thread thunder tiara ticket tiger tile timber tinsel titan token tomato tool topaz topiary torch tornado totem toucan
tourist towel toyshop tractor trail trapeze tree trellis trident trolley trophy trout truck trumpet tuba tugboat tulip
tundra turbine turkey turnip turtle tutor tuxedo tweed twig typhoon ukulele unicorn uniform unit upland urchin usher
utensil vacuum valve vanilla vapor varnish vase vault vector vehicle velvet vendor veneer venture veranda verse vessel
veteran viaduct vibrato vicar victory video village vinegar vintage viola visor vista vitamin vixen vocal voice volcano
volume vortex voter voyage vulcan vulture waffle wagon wagtail waiter wallaby walnut walrus waltz warbler washer watch
wave webcam wedding weekend welder well wharf whistle wicker widget wigwam wildcat willow window winter wisdom wolf wombat
wonder worker world wrench yacht yard yellow yogurt youth yucca zebra zenith zephyr zero zigzag zinc zinnia zipper zither
zodiac
`
  .trim()
  .split(/\s+/);
