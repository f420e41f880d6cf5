"""Tables of taxa, as GBIF, the Catalogue of Life, WoRMS, OBIS and iNaturalist export them."""
