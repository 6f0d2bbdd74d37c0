<resource schema="dc" resdir="rd">
	<meta name="creationDate">2026-11-29T12:00:00Z</meta>
	<meta name="title">Columns of data sets of Cherenkov data</meta>
	<meta name="description">Columns that tables of a collection have in common.</meta>
	<meta name="subject">gamma-ray-astronomy</meta>

	<STREAM id="plain-obscore-columns">
		<doc>The columns of this site's ObsCore table, defined anew: copies would carry the site's value
			ranges.</doc>
		<LOOP>
			<codeItems>
				from rd import metadata
				yield from metadata.obscore_columns()
			</codeItems>
			<events>
				<column name="\name" type="\type" unit="\unit" ucd="\ucd" utype="\utype" xtype="\xtype"
						tablehead="\tablehead" description="\description" verbLevel="\verbLevel"
						displayHint="\displayHint">
					<property name="std">1</property>
					<property name="statistics">\statistics</property>
				</column>
			</events>
		</LOOP>
	</STREAM>

	<STREAM id="main-obscore-columns">
		<doc>The columns of this site's ObsCore table, with those marked that a cone search needs.</doc>
		<LOOP>
			<codeItems>
				from rd import metadata
				yield from metadata.obscore_columns(main=True)
			</codeItems>
			<events>
				<column name="\name" type="\type" unit="\unit" ucd="\ucd" utype="\utype" xtype="\xtype"
						tablehead="\tablehead" description="\description" verbLevel="\verbLevel"
						displayHint="\displayHint">
					<property name="std">1</property>
					<property name="statistics">\statistics</property>
				</column>
			</events>
		</LOOP>
	</STREAM>

	<NXSTREAM id="obscore-columns">
		<doc>All columns of this site's ObsCore table, and those of the High-Energy extension. Integers
			need a value that stands for NULL; for axis lengths it must not be -1, which means "no
			pixels" here. Give plain, the stream with the ObsCore columns.</doc>
		<FEED source="rd/datasets#\plain">
			<EDIT ref="column[calib_level]"><values nullLiteral="-1"/></EDIT>
			<EDIT ref="column[access_estsize]"><values nullLiteral="-1"/></EDIT>
			<EDIT ref="column[s_xel1]"><values nullLiteral="-2147483648"/></EDIT>
			<EDIT ref="column[s_xel2]"><values nullLiteral="-2147483648"/></EDIT>
			<EDIT ref="column[t_xel]"><values nullLiteral="-2147483648"/></EDIT>
			<EDIT ref="column[em_xel]"><values nullLiteral="-2147483648"/></EDIT>
			<EDIT ref="column[pol_xel]"><values nullLiteral="-2147483648"/></EDIT>
		</FEED>
		<FEED source="rd/hea#columns"/>
	</NXSTREAM>

	<STREAM id="context-columns">
		<doc>GADF's own keywords, and the sky during the observation, from columns.csv. -1 is a quality
			that occurs.</doc>
		<LOOP>
			<codeItems>
				from ingest import columns
				yield from columns.rd_items("context", integers=True)
			</codeItems>
			<events>
				<column name="\name" type="\type" unit="\unit" ucd="\ucd" utype="\utype"
						description="\description">
					<values nullLiteral="-2147483648"/>
				</column>
			</events>
		</LOOP>
		<LOOP>
			<codeItems>
				from ingest import columns
				yield from columns.rd_items("context")
			</codeItems>
			<events>
				<column name="\name" type="\type" unit="\unit" ucd="\ucd" utype="\utype"
						description="\description"/>
			</events>
		</LOOP>
	</STREAM>

	<STREAM id="file-columns">
		<doc>Where a data set's file comes from.</doc>
		<column name="access_path" type="text" required="True" ucd="meta.ref.url"
			description="Path of the file from the server's root"/>
		<column name="content_length" type="bigint" unit="byte" ucd="phys.size;meta.file"
				description="Size of the file">
			<values nullLiteral="-1"/>
		</column>
		<column name="source" type="text" required="True" ucd="meta.id;meta.file"
			description="Path, below the inputs directory, of the release's (first) file that it comes from"/>
		<column name="hdus" type="text" ucd="meta.note"
			description="The HDUs in the file (JSON): name, kind, form, EXTVER and size of each"/>
		<column name="release_date" type="date" hidden="True" ucd="time.release"
			description="Day (UTC) from which the file is handed out to everybody; NULL if there is none"/>
		<column name="access_groups" type="text" ucd="meta.code"
			description="Groups (with spaces between) whose members may have the file before; NULL if it
				always was public"/>
		<column name="pieces" type="text" ucd="meta.note"
			description="The HDUs (file#offset+size) of unpacked files that make the file, after a primary
				header; NULL if it is the source as it is"/>
	</STREAM>

	<STREAM id="lengths-basis">
		<column name="lengths_basis" type="text" ucd="meta.id"
			description="Digest of code and configuration that lengths of documents were computed with"/>
	</STREAM>
</resource>
