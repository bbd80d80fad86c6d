"""Every word that the page says, in each of its languages.

Contract: all languages have the same names with the same placeholders; `preferred` chooses by what
the browser asks for. Numbers are written as the language writes them. Does not know the page.
"""

from collections.abc import Mapping

Words = Mapping[str, str]

NAMES = {"en": "English", "fr": "Français"}
ENGLISH: Words = {
    "title": "Handwritten digit recogniser",
    "intro": "Draw one digit, 0 to 9, large and in the middle. It is read when you lift the pen.",
    "language": "Language",
    "your drawing": "Your drawing",
    "it reads": "What it reads",
    "empty": "Nothing is drawn yet. Draw a digit, take a sample, or choose a photograph.",
    "blank": "This picture looks blank: no ink stands out from the paper.",
    "blank advice": "Draw with a wider pen, or choose a picture with more contrast.",
    "reading": "Reading the drawing",
    "sure": "{percent} sure",
    "unsure": "Not sure: {percent} for {digit}, but it could also be {second} ({second_percent}).",
    "predicted": "Predicted digit",
    "model": "Model {version}, read in {time} ms",
    "model of role": "Model {version} ({role}), read in {time} ms",
    "seen": "What the model sees",
    "seen alt": "The drawing as the model sees it: 28 by 28 pixels, cut out and centred.",
    "probabilities": "Probability of each digit",
    "chart": "Bar chart. {digit} is the most probable digit. {list}",
    "digit": "Digit",
    "probability": "Probability",
    "right": "Yes, it is a {digit}",
    "wrong": "Wrong? It is a …",
    "ask": "Is that right?",
    "noted": "Thank you. Noted as a {digit}.",
    "noted not": "Your correction was not noted. Please choose again.",
    "told before": "Another digit was already noted for this drawing.",
    "history": "This visit",
    "history caption": "The last drawings of this visit, newest first",
    "drawing": "Drawing",
    "drawing alt": "Drawing {number}",
    "read as": "Read as",
    "you said": "You said",
    "retry": "Try again",
    "kept": "Your drawing is kept.",
    "BackendUnreachableError": "The recogniser is away",
    "BackendUnreachableError advice": "It cannot be reached right now; it may be starting.",
    "BackendTimedOutError": "The recogniser is too slow",
    "BackendTimedOutError advice": "It did not answer in time.",
    "BackendFaultyError": "The recogniser has a fault",
    "BackendFaultyError advice": "It answered with an error of its own.",
    "BackendBusyError": "The recogniser is busy",
    "BackendBusyError advice": "Too many drawings were sent. Wait {seconds} s, then try again.",
    "KeyRefusedError": "The recogniser wants an API key",
    "KeyRefusedError advice": "It does not know the key, or the key does not allow this.",
    "RequestRefusedError": "The recogniser refused the drawing",
    "RequestRefusedError advice": "This is what it said:",
    "AnswerInvalidError": "The recogniser's answer makes no sense",
    "AnswerInvalidError advice": "It is not what was agreed, so it is not shown.",
    "large": "This picture is too large",
    "large advice": "A picture may have 25 MB and 16 million pixels. Choose a smaller one.",
    "unreadable": "This is not a picture that can be read",
    "unreadable advice": "Choose a PNG or JPEG file.",
    "key": "API key",
    "key help": "It is kept in the memory of the page's server for this visit, and nowhere else.",
    "sign in": "Sign in",
    "sign out": "Forget the API key",
    "pad fault": "The pad sent something strange",
    "pad fault advice": "Reload the page to begin anew.",
    "pad.help": "Mouse or finger: draw. Keyboard: arrow keys move the pen (finer with Shift), "
    "Space lowers and lifts it, Backspace undoes, Delete clears.",
    "pad.pad": "Drawing pad",
    "pad.tools": "Pen",
    "pad.width-name": "Width",
    "pad.undo": "Undo",
    "pad.clear": "Clear",
    "pad.more-name": "Samples and photographs",
    "pad.samples-name": "Take a sample:",
    "pad.sample": "Sample {digit}",
    "pad.photo-name": "Choose a photograph or picture, or drop it on the pad:",
    "pad.empty": "empty",
    "pad.stroke": "1 stroke",
    "pad.strokes": "{count} strokes",
    "pad.photo": "photograph",
    "pad.ink": "ink",
    "pad.paper": "paper",
    "pad.moving": "Column {column}, row {row} of 28, pen up, on {ground}.",
    "pad.drawing": "Column {column}, row {row} of 28, pen down.",
    "pad.lowered": "Pen down.",
    "pad.lifted": "Pen up.",
    "pad.cleared": "The pad is empty, the pen in the middle.",
    "pad.undone": "The last stroke is gone.",
    "pad.sampled": "Sample {digit} is on the pad.",
    "pad.photographed": "The photograph is on the pad.",
    "pad.large": "The file is too large.",
    "pad.unreadable": "The file is not a picture that can be read.",
}
FRENCH: Words = {
    "title": "Lecture de chiffres manuscrits",
    "intro": "Dessinez un chiffre de 0 à 9, grand et au milieu. Il est lu dès que vous levez le "
    "stylo.",
    "language": "Langue",
    "your drawing": "Votre dessin",
    "it reads": "Ce qui est lu",
    "empty": "Rien n'est encore dessiné. Dessinez un chiffre, prenez un exemple ou choisissez une "
    "photo.",
    "blank": "Cette image semble vide : aucune encre ne se détache du papier.",
    "blank advice": "Dessinez avec un stylo plus large, ou choisissez une image plus contrastée.",
    "reading": "Lecture du dessin",
    "sure": "sûr à {percent}",
    "unsure": "Incertain : {percent} pour {digit}, mais ce pourrait être {second} "
    "({second_percent}).",
    "predicted": "Chiffre lu",
    "model": "Modèle {version}, lu en {time} ms",
    "model of role": "Modèle {version} ({role}), lu en {time} ms",
    "seen": "Ce que voit le modèle",
    "seen alt": "Le dessin tel que le modèle le voit : 28 pixels sur 28, découpé et centré.",
    "probabilities": "Probabilité de chaque chiffre",
    "chart": "Diagramme à barres. {digit} est le chiffre le plus probable. {list}",
    "digit": "Chiffre",
    "probability": "Probabilité",
    "right": "Oui, c'est un {digit}",
    "wrong": "Faux ? C'est un …",
    "ask": "Est-ce juste ?",
    "noted": "Merci. Noté : {digit}.",
    "noted not": "Votre correction n'a pas été notée. Choisissez à nouveau.",
    "told before": "Un autre chiffre est déjà noté pour ce dessin.",
    "history": "Cette visite",
    "history caption": "Les derniers dessins de cette visite, du plus récent au plus ancien",
    "drawing": "Dessin",
    "drawing alt": "Dessin {number}",
    "read as": "Lu",
    "you said": "Vous avez dit",
    "retry": "Réessayer",
    "kept": "Votre dessin est conservé.",
    "BackendUnreachableError": "Le service de lecture est absent",
    "BackendUnreachableError advice": "Il est injoignable ; peut-être est-il en train de démarrer.",
    "BackendTimedOutError": "Le service de lecture est trop lent",
    "BackendTimedOutError advice": "Il n'a pas répondu à temps.",
    "BackendFaultyError": "Le service de lecture est en panne",
    "BackendFaultyError advice": "Il a répondu par une erreur interne.",
    "BackendBusyError": "Le service de lecture est surchargé",
    "BackendBusyError advice": "Trop de dessins envoyés. Attendez {seconds} s, puis réessayez.",
    "KeyRefusedError": "Le service de lecture demande une clé d'API",
    "KeyRefusedError advice": "Il ne connaît pas la clé, ou elle ne permet pas cela.",
    "RequestRefusedError": "Le service de lecture a refusé le dessin",
    "RequestRefusedError advice": "Voici ce qu'il dit :",
    "AnswerInvalidError": "La réponse du service n'a pas de sens",
    "AnswerInvalidError advice": "Elle n'est pas conforme, elle n'est donc pas montrée.",
    "large": "Cette image est trop grande",
    "large advice": "Une image peut avoir 25 Mo et 16 millions de pixels. Prenez-en une plus "
    "petite.",
    "unreadable": "Cette image est illisible",
    "unreadable advice": "Choisissez un fichier PNG ou JPEG.",
    "key": "Clé d'API",
    "key help": "Elle reste dans la mémoire du serveur pendant cette visite, et nulle part "
    "ailleurs.",
    "sign in": "Se connecter",
    "sign out": "Oublier la clé d'API",
    "pad fault": "La feuille a envoyé quelque chose d'étrange",
    "pad fault advice": "Rechargez la page pour recommencer.",
    "pad.help": "Souris ou doigt : dessinez. Clavier : les flèches déplacent le stylo (plus "
    "finement avec Maj), Espace le pose et le lève, Retour arrière annule, Suppr efface tout.",
    "pad.pad": "Feuille à dessin",
    "pad.tools": "Stylo",
    "pad.width-name": "Largeur",
    "pad.undo": "Annuler",
    "pad.clear": "Effacer",
    "pad.more-name": "Exemples et photos",
    "pad.samples-name": "Prenez un exemple :",
    "pad.sample": "Exemple {digit}",
    "pad.photo-name": "Choisissez une photo ou une image, ou déposez-la sur la feuille :",
    "pad.empty": "vide",
    "pad.stroke": "1 trait",
    "pad.strokes": "{count} traits",
    "pad.photo": "photo",
    "pad.ink": "encre",
    "pad.paper": "papier",
    "pad.moving": "Colonne {column}, ligne {row} sur 28, stylo levé, sur {ground}.",
    "pad.drawing": "Colonne {column}, ligne {row} sur 28, stylo posé.",
    "pad.lowered": "Stylo posé.",
    "pad.lifted": "Stylo levé.",
    "pad.cleared": "La feuille est vide, le stylo au milieu.",
    "pad.undone": "Le dernier trait est annulé.",
    "pad.sampled": "L'exemple {digit} est sur la feuille.",
    "pad.photographed": "La photo est sur la feuille.",
    "pad.large": "Le fichier est trop grand.",
    "pad.unreadable": "Le fichier n'est pas une image lisible.",
}
LANGUAGES: Mapping[str, Words] = {"en": ENGLISH, "fr": FRENCH}


def preferred(locale: str | None) -> str:
    """Return the language for a browser's locale, such as fr-CA; English for any other."""
    language = (locale or "").lower().partition("-")[0]
    return language if language in LANGUAGES else "en"


def of_pad(words: Words) -> dict[str, str]:
    """Return the pad's own words by their short names."""
    return {name.removeprefix("pad."): text for name, text in words.items() if name[:4] == "pad."}


def percent(probability: float, language: str) -> str:
    """Write a probability: one decimal, never rounded to 0 or to certainty."""
    if 0 < probability < 0.001:  # noqa: PLR2004  below what one decimal can show
        text = "< 0.1 %"
    elif 0.999 < probability < 1:  # noqa: PLR2004  the same at the other end
        text = "> 99.9 %"
    else:
        text = f"{100 * probability:.1f} %"
    return text.replace(".", ",") if language == "fr" else text
