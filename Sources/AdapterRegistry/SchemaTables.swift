// The text of every table, by the migration that makes it. SQLite keeps these texts in the file, and a file is compared
// with them when it is opened, so they are never edited.
extension RegistrySchema {
  static let digestRule = "= 64 AND digest NOT GLOB '*[^0-9a-f]*'"

  static let firstTables = """
    CREATE TABLE folder (
      id INTEGER PRIMARY KEY,
      path TEXT NOT NULL UNIQUE
        CHECK (path <> '' AND '/' || path || '/' NOT GLOB '*/../*' AND '/' || path || '/' NOT GLOB '*/./*'),
      byteCount INTEGER NOT NULL CHECK (byteCount >= 0),
      digest TEXT NOT NULL CHECK (length(digest) \(digestRule))
    ) STRICT;

    CREATE TABLE file (
      folderId INTEGER NOT NULL REFERENCES folder (id) ON DELETE CASCADE,
      name TEXT NOT NULL CHECK (name NOT IN ('', '.', '..') AND instr(name, '/') = 0),
      byteCount INTEGER NOT NULL CHECK (byteCount >= 0),
      digest TEXT NOT NULL CHECK (length(digest) \(digestRule)),
      PRIMARY KEY (folderId, name)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE baseModel (
      id INTEGER PRIMARY KEY,
      name TEXT NOT NULL UNIQUE CHECK (name <> '' AND instr(name, '/') = 0),
      folderId INTEGER NOT NULL UNIQUE REFERENCES folder (id) ON DELETE RESTRICT,
      configuration TEXT NOT NULL CHECK (json_valid(configuration) AND json_type(configuration) = 'object'),
      parameterCount INTEGER NOT NULL CHECK (parameterCount >= 0),
      isDefault INTEGER NOT NULL CHECK (isDefault IN (0, 1)),
      notes TEXT NOT NULL,
      created TEXT NOT NULL,
      changed TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX baseModelOnDefault ON baseModel (isDefault) WHERE isDefault = 1;

    CREATE TABLE adapter (
      id INTEGER PRIMARY KEY,
      modelId INTEGER NOT NULL REFERENCES baseModel (id) ON DELETE RESTRICT,
      name TEXT NOT NULL CHECK (name NOT IN ('', '.', '..') AND instr(name, '/') = 0),
      folderId INTEGER NOT NULL UNIQUE REFERENCES folder (id) ON DELETE RESTRICT,
      method TEXT NOT NULL CHECK (method <> ''),
      configuration TEXT NOT NULL CHECK (json_valid(configuration) AND json_type(configuration) = 'object'),
      parameterCount INTEGER NOT NULL CHECK (parameterCount >= 0),
      baseDigest TEXT CHECK (length(baseDigest) = 64 AND baseDigest NOT GLOB '*[^0-9a-f]*'),
      headKind TEXT CHECK (headKind <> ''),
      headLabels TEXT CHECK (headLabels IS NULL OR (json_valid(headLabels) AND json_type(headLabels) = 'array')),
      metrics TEXT CHECK (metrics IS NULL OR (json_valid(metrics) AND json_type(metrics) = 'object')),
      notes TEXT NOT NULL,
      source TEXT NOT NULL,
      created TEXT NOT NULL,
      changed TEXT NOT NULL,
      UNIQUE (modelId, name),
      CHECK ((headKind IS NULL) = (headLabels IS NULL))
    ) STRICT;

    CREATE TABLE adapterTag (
      adapterId INTEGER NOT NULL REFERENCES adapter (id) ON DELETE CASCADE,
      tag TEXT NOT NULL CHECK (tag <> ''),
      PRIMARY KEY (adapterId, tag)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX adapterTagOnTag ON adapterTag (tag);

    CREATE TABLE fusion (
      id INTEGER PRIMARY KEY,
      modelId INTEGER NOT NULL REFERENCES baseModel (id) ON DELETE RESTRICT,
      name TEXT NOT NULL CHECK (name NOT IN ('', '.', '..') AND instr(name, '/') = 0),
      folderId INTEGER NOT NULL UNIQUE REFERENCES folder (id) ON DELETE RESTRICT,
      configuration TEXT NOT NULL CHECK (json_valid(configuration) AND json_type(configuration) = 'object'),
      parameterCount INTEGER NOT NULL CHECK (parameterCount >= 0),
      headKind TEXT CHECK (headKind <> ''),
      headLabels TEXT CHECK (headLabels IS NULL OR (json_valid(headLabels) AND json_type(headLabels) = 'array')),
      notes TEXT NOT NULL,
      source TEXT NOT NULL,
      created TEXT NOT NULL,
      changed TEXT NOT NULL,
      UNIQUE (modelId, name),
      CHECK ((headKind IS NULL) = (headLabels IS NULL))
    ) STRICT;

    CREATE TABLE fusionMember (
      fusionId INTEGER NOT NULL REFERENCES fusion (id) ON DELETE CASCADE,
      position INTEGER NOT NULL CHECK (position >= 0),
      adapterId INTEGER NOT NULL REFERENCES adapter (id) ON DELETE RESTRICT,
      PRIMARY KEY (fusionId, position),
      UNIQUE (fusionId, adapterId)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX fusionMemberOnAdapter ON fusionMember (adapterId);

    CREATE TABLE setup (
      id INTEGER PRIMARY KEY,
      modelId INTEGER NOT NULL REFERENCES baseModel (id) ON DELETE RESTRICT,
      name TEXT NOT NULL CHECK (name <> ''),
      expression TEXT NOT NULL CHECK (expression <> ''),
      created TEXT NOT NULL,
      changed TEXT NOT NULL,
      UNIQUE (modelId, name)
    ) STRICT;

    CREATE TABLE setupMember (
      setupId INTEGER NOT NULL REFERENCES setup (id) ON DELETE CASCADE,
      adapterId INTEGER NOT NULL REFERENCES adapter (id) ON DELETE RESTRICT,
      PRIMARY KEY (setupId, adapterId)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX setupMemberOnAdapter ON setupMember (adapterId);

    CREATE TABLE activeSetup (
      modelId INTEGER PRIMARY KEY REFERENCES baseModel (id) ON DELETE CASCADE,
      expression TEXT NOT NULL CHECK (expression <> ''),
      changed TEXT NOT NULL
    ) STRICT;

    CREATE TABLE activeSetupMember (
      modelId INTEGER NOT NULL REFERENCES activeSetup (modelId) ON DELETE CASCADE,
      adapterId INTEGER NOT NULL REFERENCES adapter (id) ON DELETE RESTRICT,
      PRIMARY KEY (modelId, adapterId)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX activeSetupMemberOnAdapter ON activeSetupMember (adapterId);

    CREATE TABLE pendingRemoval (
      path TEXT PRIMARY KEY CHECK (path GLOB 'Adapters/?*' AND instr(substr(path, 10), '/') = 0)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE logEntry (
      id INTEGER PRIMARY KEY AUTOINCREMENT,
      date TEXT NOT NULL,
      action TEXT NOT NULL CHECK (action <> ''),
      model TEXT,
      subject TEXT NOT NULL,
      detail TEXT NOT NULL
    ) STRICT;
    """

  static let secondTables = """
    CREATE TABLE training (
      adapterId INTEGER PRIMARY KEY REFERENCES adapter (id) ON DELETE CASCADE,
      maxLength INTEGER CHECK (maxLength >= 0),
      recipe TEXT CHECK (recipe IS NULL OR (json_valid(recipe) AND json_type(recipe) = 'object'))
    ) STRICT;

    CREATE TEMP TABLE pending AS SELECT path FROM pendingRemoval
      WHERE path GLOB 'Adapters/[^./]*' AND instr(substr(path, 10), '/') = 0;
    DROP TABLE pendingRemoval;
    CREATE TABLE pendingRemoval (
      path TEXT PRIMARY KEY CHECK (path GLOB 'Adapters/[^./]*' AND instr(substr(path, 10), '/') = 0)
    ) STRICT, WITHOUT ROWID;
    INSERT INTO pendingRemoval SELECT path FROM temp.pending;
    DROP TABLE temp.pending;
    """

  static let thirdTables = """
    CREATE TABLE origin (
      adapterId INTEGER PRIMARY KEY REFERENCES adapter (id) ON DELETE CASCADE,
      address TEXT NOT NULL CHECK (address <> ''),
      revision TEXT NOT NULL CHECK (revision <> '' AND revision NOT GLOB '*[^0-9a-f]*')
    ) STRICT;
    """
}
