"""Value lists of the generator: ordinary ones, and those that break naive readers."""

FIRST_NAMES = (
    "Ada", "Amara", "Anneliese", "Björn", "Carlos", "Chloé", "Deepa", "Dmitri",
    "Elif", "Fatima", "Grace", "Hiroshi", "Ingrid", "Jamal", "Jürgen", "Kofi",
    "Lucía", "Mei", "Nadia", "Olu", "Priya", "Quentin", "Rosa", "Søren", "Tomás",
    "Uma", "Viktor", "Wei", "Yusuf", "Zoë", "Łukasz", "Anne-Marie", "Mary Jo", "李",
    "محمد", "Юлия", "さくら",
)  # fmt: skip
LAST_NAMES = (
    "Abernathy", "Achterberg", "Bakker", "Castillo", "Delacroix", "Eriksen",
    "Fitzgerald", "García", "Haddad", "Ivanova", "Jansen", "Kowalczyk", "Lindqvist",
    "McAllister", "Nakamura", "O'Connor", "Papadopoulos", "Quiñones", "Rossi",
    "Schäfer", "Tanaka", "Umar", "van der Berg", "Wójcik", "Xu", "Y\u0131lmaz",
    "Zimmermann", "Null", "Nan", "True", "St. John", "D'Angelo", "Smith-Jones", "王",
    "الخطيب", "Петрова", "鈴木",
)  # fmt: skip
COMPANY_HEADS = (
    "Alder", "Amber", "Beacon", "Blue River", "Cedar", "Copper", "Delta", "Evergreen",
    "First", "Granite", "Harbour", "Iron Gate", "Juniper", "Keystone", "Lakeside",
    "Meridian", "North Star", "Oak & Ash", "Pioneer", "Quarry", "Redwood", "Silver",
    "Summit", "Tidewater", "Union", "Vantage", "Westfield", "Zephyr", "Ökostrom",
    "Château",
)  # fmt: skip
COMPANY_TAILS = (
    "Analytics", "Brewing", "Capital", "Dental Group", "Electric", "Foods", "Freight",
    "Glass", "Health", "Insurance", "Logistics", "Materials", "Media", "Motors",
    "Optics", "Outfitters", "Paper", "Pharma", "Plastics", "Robotics", "Shipping",
    "Solar", "Steel", "Systems", "Textiles", "Water",
)  # fmt: skip
COMPANY_FORMS = (
    "Inc.", "LLC", "Ltd", "GmbH", "S.A.", "AB", "K.K.", "PLC", "& Sons", "Co.",
)  # fmt: skip
TITLES = (
    "Account Executive", "Buyer", "CEO", "CFO", "Chief of Staff", "Data Engineer",
    "Director of Operations", "Facilities Manager", "Founder & Owner", "Head of R&D",
    "IT Administrator", "Procurement Lead", "Project Manager", "SVP, Technology",
    "Sales Representative", "VP Finance",
)  # fmt: skip
DEPARTMENTS = (
    "Accounting", "Engineering", "Facilities", "Finance", "HR", "IT", "Legal",
    "Marketing", "Operations", "Procurement", "R&D", "Sales",
)  # fmt: skip
STREETS = (
    "Acacia Avenue", "Bahnhofstraße", "Calle Mayor", "Dock Road", "Elm Street",
    "Hauptstr.", "High Street", "King's Road", "Market Square", "Oak Lane",
    "Rue de l'Église", "Station Road", "Via Roma", "Wharf Street",
)  # fmt: skip
PLACES = (
    ("Austin", "TX", "78701", "USA", 30.2672, -97.7431),
    ("Boston", "MA", "02108", "USA", 42.3601, -71.0589),
    ("New York", "NY", "10001", "USA", 40.7128, -74.006),
    ("San Francisco", "CA", "94105", "USA", 37.7749, -122.4194),
    ("San Juan", "PR", "00901", "USA", 18.4655, -66.1057),
    ("Toronto", "ON", "M5H 2N2", "Canada", 43.6532, -79.3832),
    ("London", None, "SW1A 1AA", "United Kingdom", 51.5074, -0.1278),
    ("Köln", "NRW", "50667", "Germany", 50.9375, 6.9603),
    ("Dresden", "SN", "01067", "Germany", 51.0504, 13.7373),
    ("Zürich", "ZH", "8001", "Switzerland", 47.3769, 8.5417),
    ("Paris", None, "75001", "France", 48.8566, 2.3522),
    ("Málaga", None, "29001", "Spain", 36.7213, -4.4214),
    ("Łódź", None, "90-001", "Poland", 51.7592, 19.456),
    ("İstanbul", None, "34000", "Türkiye", 41.0082, 28.9784),
    ("São Paulo", "SP", "01000-000", "Brazil", -23.5505, -46.6333),
    ("東京", None, "100-0001", "日本", 35.6762, 139.6503),
    ("서울", None, "04524", "대한민국", 37.5665, 126.978),
    ("القاهرة", None, "11511", "مصر", 30.0444, 31.2357),
    ("Sydney", "NSW", "2000", "Australia", -33.8688, 151.2093),
    ("Nairobi", None, "00100", "Kenya", -1.2921, 36.8219),
)
SENTENCES = (
    "Met at the trade fair and asked for a quote.",
    "Renewal is due next quarter, the budget is approved.",
    "Prefers to be called in the morning.",
    'They said: "call us back in May", so we shall.',
    "Has three sites, one of them under construction.",
    "Delivery was late twice, see the attached notes.",
    "Wants a discount of 12.5 % on orders above 10,000.",
    "Switched from a competitor last year.",
    "The contract covers support, spare parts and training.",
    "New management; introduce yourself before offering anything.",
    "Zahlt pünktlich, bestellt wenig.",
    "予算は来期に確定する予定です。",
    "يفضل التواصل عبر البريد الإلكتروني.",
    "Просит скидку на большой заказ.",
)
NASTY_TEXTS = (
    "line one\r\nline two", "line one\nline two", "line one\rline two", "a\r\n\r\nb",
    'say "hello", twice', '""', '"', "'", ",", ";", "a,b;c|d^e`f\tg", "\\", "\\N",
    "\\r\\n", "NA", "N/A", "#N/A", "null", "NULL", "nan", "NaN", "None", "nil", "inf",
    "-inf", "true", "FALSE", "00123", "007", "1e5", "1E-300", "0x1F", "+1", "-0",
    "1,234.50", "=1+1", "@SUM(A1)", "2024-02-30", "1700-01-01", "{}", "[]",
    "<b>&amp;</b>", "%s %d {0}", "${x}", "'; DROP TABLE x; --", "😀",
    "👩\u200d👩\u200d👧\u200d👦 family", "é é", "Straße \ufb01 \u0149 \u0130\u0131",
    "漢字かなカナ", "한국어", "שלום עולם", "مرحبا بالعالم", "\u202eright to left\u202c",
    "a\u200bb\ufeffc", "non\xa0breaking", "\u2028line\u2029paragraph", "next\x85line",
    "bell\x07", "\x01\x02\x1f", "\x1b[31mred\x1b[0m", "\x7fdelete", "\ud7ff\ue000�",
    "𝕏𐍈", "ǅ ǆ",
)  # fmt: skip
LONG = "long"
"""Stands in a list for a value as long as the field allows."""
NASTY_LONG_TEXTS = (*NASTY_TEXTS, LONG)
NASTY_EMAILS = (
    "o'neil+news@example.com", "UPPER.Case@EXAMPLE.COM", "null@example.com",
    "00123@example.com", "a_b-c.d%e@sub.domain.example.org",
    "x@xn--bcher-kva.example",
)  # fmt: skip
NASTY_PHONES = (
    "007", "0049 30 123456", "+1 (512) 555-0100 x12", "n/a", "(0)20/7946,0958",
    "null", "\uff11\uff12\uff13", 'call; ask for "Jo"',
)  # fmt: skip
NASTY_URLS = (
    'http://example.com/?q="a,b"&c=1#d', "HTTPS://EXAMPLE.COM", "example.com",
    "http://例え.テスト/パス", "http://example.com/a%20b?x=%E2%82%AC", "null",
)  # fmt: skip
NASTY_DOUBLES = (
    "1E-300", "1E300", "-1E300", "4.9E-324", "1.7976931348623157E308", "0.1 + 0.2",
    "12345678.0", "9999999.999", "1E7", "0.001", "0.000999", "1.0 / 3", "-1E-7",
    "123456789012345680.0", "3.141592653589793", "0.0", "100.00000000000001",
)  # fmt: skip
NASTY_COORDINATES = ("0.0", "-1E-7", "89.999999999999", "-12.345678901234567")
NASTY_MONEY = (
    "1234.56789", "0.005", "-0.01", "99999999999999.99", "1E15", "1E17", "0.1 + 0.2",
    "1E-300", "1E300", "12345678.9", "0.0", "1.0 / 3",
)  # fmt: skip
NASTY_DATES = (
    "1700-01-01", "4000-12-31", "1969-12-31", "1970-01-01", "1900-02-28",
    "2000-02-29", "2038-01-19", "1752-09-14",
)  # fmt: skip
NASTY_DATETIMES = (
    "1700-01-01 00:00:00", "4000-12-31 23:59:59.999", "1969-12-31 23:59:59.999",
    "1970-01-01 00:00:00", "2024-02-29 12:00:00.001", "2023-03-26 01:30:00",
    "1883-11-18 12:03:58", "2262-04-11 23:47:16.855",
)  # fmt: skip
NASTY_TIMES = ("00:00:00", "23:59:59.999", "12:00:00.001", "00:00:00.001")
